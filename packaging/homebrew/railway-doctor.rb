class RailwayDoctor < Formula
  desc "@DESCRIPTION@"
  homepage "@REPOSITORY@"
  version "@VERSION@"
  license any_of: ["MIT", "Apache-2.0"]

@SYSTEMS@

  def install
    bin.install "doctor"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/doctor.bash" => "doctor"
    zsh_completion.install "completions/_doctor"
    fish_completion.install "completions/doctor.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/doctor --version")
    assert_match "STAGING_OPS_API_KEY", shell_output("#{bin}/doctor demo check", 1)
  end
end
