# Builds this checkout. Name, version and description are from Cargo.toml:
#   nix-build -E '(import <nixpkgs> { }).callPackage ./packaging/nix/package.nix { }'
{ lib, rustPlatform, installShellFiles, stdenv }:

let
  manifest = (lib.importTOML ../../Cargo.toml).package;
in
rustPlatform.buildRustPackage {
  pname = manifest.name;
  version = manifest.version;

  src = lib.cleanSource ../..;
  cargoLock.lockFile = ../../Cargo.lock;

  nativeBuildInputs = [ installShellFiles ];

  buildType = "dist"; # the profile

  # CI has already run the tests, which need loopback.
  doCheck = false;

  # A cross-compiled binary can't generate its own manual page and completions.
  postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    for shell in bash zsh fish; do
      $out/bin/doctor completions $shell > doctor.$shell
    done
    installShellCompletion --cmd doctor --bash doctor.bash --zsh doctor.zsh --fish doctor.fish
    $out/bin/doctor man > doctor.1
    installManPage doctor.1
  '';

  meta = {
    description = manifest.description;
    license = with lib.licenses; [ mit asl20 ];
    mainProgram = "doctor";
  };
}
