//! Names of variables that change how programs run, whatever the program is.

/// Names that a shell, a loader, a language's runtime or git looks at. They are compared in capital letters, because
/// proxies are looked for in small ones, too.
const NAMES: &[&str] = &[
    // Shells, and what starts programs.
    "PATH IFS ENV BASH_ENV BASHOPTS SHELLOPTS SHELL CDPATH FPATH ZDOTDIR PROMPT_COMMAND PS0 PS1 PS2 PS4 \
     HISTFILE GLOBIGNORE HOME USER LOGNAME PWD OLDPWD TMPDIR TEMP TMP COMSPEC PATHEXT SYSTEMROOT WINDIR \
     APPDATA LOCALAPPDATA USERPROFILE PSMODULEPATH",
    // Programs that others start.
    "EDITOR VISUAL PAGER MANPAGER BROWSER LESSOPEN LESSCLOSE SUDO_ASKPASS SUDO_EDITOR CC CXX LD AR MAKEFLAGS \
     GNUMAKEFLAGS MAKEFILES",
    // Languages.
    "CLASSPATH JAVA_OPTS JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS JAVA_HOME MAVEN_OPTS GRADLE_OPTS \
     ERL_FLAGS ERL_AFLAGS ERL_ZFLAGS ERL_LIBS ELIXIR_ERL_OPTIONS PHPRC PHP_INI_SCAN_DIR LUA_INIT LUA_PATH \
     LUA_CPATH R_PROFILE R_ENVIRON JULIA_LOAD_PATH VIRTUAL_ENV GEM_HOME GEM_PATH RUSTC RUSTC_WRAPPER RUSTFLAGS \
     RUSTDOCFLAGS GOFLAGS GOPROXY GOPATH GOROOT GOTOOLCHAIN GOENV",
    // The C library and the loader of programs.
    "GCONV_PATH GETCONF_DIR HOSTALIASES LOCPATH LOCALDOMAIN MALLOC_TRACE NIS_PATH NLSPATH RESOLV_HOST_CONF \
     RES_OPTIONS TZDIR TERMINFO TERMINFO_DIRS TERMCAP GLIBC_TUNABLES",
    // Where connections go, and whom they trust.
    "HTTP_PROXY HTTPS_PROXY ALL_PROXY FTP_PROXY NO_PROXY SSL_CERT_FILE SSL_CERT_DIR SSLKEYLOGFILE OPENSSL_CONF \
     OPENSSL_MODULES OPENSSL_ENGINES CURL_CA_BUNDLE CURL_HOME REQUESTS_CA_BUNDLE KRB5_CONFIG SSH_ASKPASS \
     SSH_AUTH_SOCK DOCKER_HOST DOCKER_CONFIG KUBECONFIG BOTO_CONFIG AWS_CONFIG_FILE \
     AWS_SHARED_CREDENTIALS_FILE",
];

/// Beginnings of such names: whole families.
const FAMILIES: &[&str] =
    &["LD_ DYLD_ PYTHON NODE_OPTIONS NODE_PATH NODE_REPL_ NODE_EXTRA_ NODE_TLS_ NODE_PENDING_ GIT_ PERL RUBYOPT \
     RUBYLIB RUBYPATH RUBYSHELL BUNDLE_ BUNDLER_ BASH_FUNC_ NPM_CONFIG_ YARN_ PNPM_ BUN_ DENO_ COREPACK_ PIP_ \
     UV_ POETRY_ PIPENV_ CONDA_ CARGO_ RUSTUP_ DOTNET_ CORECLR_ COR_ COMPLUS_ ASAN_ LSAN_ MSAN_ TSAN_ UBSAN_ \
     XDG_ RAILWAY_ DIRENV_"];

/// Whether a variable of that name changes how programs run. Such a key is pulled only when it is named by itself.
pub fn is_dangerous_name(key: &str) -> bool {
    let key = key.to_ascii_uppercase();
    words(NAMES).any(|name| key == name) || words(FAMILIES).any(|family| key.starts_with(family))
}

fn words(groups: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    groups.iter().flat_map(|group| group.split_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::is_dangerous_name;

    #[test]
    fn what_steers_programs_is_known_and_what_configures_one_is_not() {
        for key in "PATH Path LD_PRELOAD LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES NODE_OPTIONS PYTHONPATH \
            PYTHONSTARTUP BASH_ENV ENV IFS GIT_SSH_COMMAND GIT_CONFIG_COUNT PERL5LIB PERL5OPT RUBYOPT \
            JAVA_TOOL_OPTIONS EDITOR PAGER SHELL PROMPT_COMMAND PS4 BASH_FUNC_ls https_proxy \
            NODE_EXTRA_CA_CERTS npm_config_registry RUSTC_WRAPPER CARGO_HOME GLIBC_TUNABLES RAILWAY_TOKEN \
            DOTNET_STARTUP_HOOKS LESSOPEN HOME"
            .split_ascii_whitespace()
        {
            assert!(is_dangerous_name(key), "{key}");
        }
        for key in "DATABASE_URL API_KEY PORT NODE_ENV RAILS_ENV DEBUG STRIPE_KEY MY_PATH ENVIRONMENT GITHUB_TOKEN \
            APP_ENV UPLOAD_PATH HOSTNAME JAVA SHELL_COLOR PYTH_PRICE_ID"
            .split_ascii_whitespace()
        {
            assert!(!is_dangerous_name(key), "{key}");
        }
    }
}
