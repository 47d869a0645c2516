//! The OS keyring: secrets by name, read with a time limit, because the library hangs if the bus never responds.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use keyring::Entry;
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::error::Help;
use crate::io::credentials::CliLogin;
use crate::io::os;

/// The service name of all entries of `doctor` in the keyring.
const SERVICE: &str = "railway-doctor";

/// How long an access may take. The user gets a result within two seconds.
const ACCESS_TIMEOUT: Duration = Duration::from_millis(1500);

/// The maximum number of threads of an access: one here, and those of the library, which aborts the process if it can't
/// start them.
const THREADS: usize = 6;

/// Why the keyring could not be used. None of these means that it has no such entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringError {
    /// There is no keyring, and why.
    Unavailable(String),
    /// The keyring is locked, and was not unlocked.
    Locked,
    /// The keyring did not respond in time.
    Unresponsive,
    /// An operation failed, or the entry is invalid, and why.
    Failed(String),
}

impl KeyringError {
    /// Returns the cause as a clause without full stop.
    pub fn cause(&self) -> String {
        match self {
            Self::Unavailable(why) => format!("the OS keyring is unavailable ({why})"),
            Self::Locked => "the OS keyring is locked".to_owned(),
            Self::Unresponsive => "the OS keyring did not respond; it may be waiting at an unlock prompt".to_owned(),
            Self::Failed(why) => format!("the OS keyring can't be used: {why}"),
        }
    }

    /// Returns the cause in a few words.
    pub fn summary(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "the OS keyring is unavailable",
            Self::Locked => "the OS keyring is locked",
            Self::Unresponsive => "the OS keyring did not respond",
            Self::Failed(_) => "the OS keyring can't be used",
        }
    }

    /// Returns the help for a login. The Railway CLI is named only if its login may be used.
    pub fn help(&self, cli_login: CliLogin) -> Help {
        match self {
            Self::Unavailable(_) if cli_login == CliLogin::Forbidden => "set RAILWAY_TOKEN or RAILWAY_API_TOKEN".into(),
            Self::Unavailable(_) => Help::command(
                "set RAILWAY_TOKEN or RAILWAY_API_TOKEN, or log in with the Railway CLI:",
                "railway login",
            ),
            Self::Failed(_) if cli_login == CliLogin::Forbidden => {
                "run `doctor auth logout`, then `doctor auth login`, both with the same `--api-url`, or set \
                 RAILWAY_TOKEN or RAILWAY_API_TOKEN"
                    .into()
            }
            _ => format!("{}, or set RAILWAY_TOKEN or RAILWAY_API_TOKEN", self.first_step()).into(),
        }
    }

    /// Returns what to do before trying again.
    pub fn first_step(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "start a D-Bus session with a keyring service",
            Self::Locked => "unlock the keyring",
            Self::Unresponsive => "answer its unlock prompt, or restart the keyring service",
            Self::Failed(_) => "run `doctor auth logout`, then `doctor auth login`",
        }
    }
}

pub trait Keyring {
    /// Returns the secret of that name, if there is one.
    fn read(&self, name: &str) -> Result<Option<Secret>, KeyringError>;
    /// Stores a secret, and replaces an existing one.
    fn write(&self, name: &str, secret: &Secret) -> Result<(), KeyringError>;
    /// Removes a secret, if it exists.
    fn remove(&self, name: &str) -> Result<(), KeyringError>;
}

/// The keyring of the operating system: Secret Service, macOS Keychain, Windows Credential Manager.
#[derive(Debug, Default)]
pub struct OsKeyring {
    /// An error that repeats for the rest of the run: no second wait, and no second prompt to unlock.
    last_error: RefCell<Option<KeyringError>>,
}

impl OsKeyring {
    /// Runs `work` on another thread, which is left behind if it hangs.
    fn with_timeout<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Entry) -> keyring::Result<T> + Send + 'static,
    ) -> Result<Option<T>, KeyringError> {
        if let Some(error) = &*self.last_error.borrow() {
            return Err(error.clone());
        }
        if let Some(error) = untrusted_bus() {
            return Err(error);
        }
        if let Err(why) = os::probe_threads(THREADS) {
            return Err(KeyringError::Failed(why));
        }
        let (sender, receiver) = mpsc::channel();
        let name = name.to_owned();
        let worker = move || {
            let status = Entry::store_status().as_ref().map_err(unavailable);
            let done = status.and_then(|()| {
                let done = Entry::new(SERVICE, &name).and_then(|entry| work(&entry));
                match done {
                    Ok(done) => Ok(Some(done)),
                    Err(keyring::Error::NoEntry) => Ok(None),
                    Err(error) => Err(converted(&error)),
                }
            });
            // After a timeout, the receiver is gone.
            drop(sender.send(done));
        };
        if thread::Builder::new().spawn(worker).is_err() {
            return Err(KeyringError::Failed("failed to start a thread".to_owned()));
        }
        let done = receiver.recv_timeout(ACCESS_TIMEOUT).unwrap_or(Err(KeyringError::Unresponsive));
        if let Err(error @ (KeyringError::Unresponsive | KeyringError::Locked)) = &done {
            *self.last_error.borrow_mut() = Some(error.clone());
        }
        done
    }
}

/// The variable with the address of the bus, which the Secret Service library reads.
const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// Returns an error if the address of the bus is not a local socket. Other transports start a program (`unixexec:`,
/// `autolaunch:`, `ibus:`), which would inherit the environment with its tokens, or connect to another machine
/// (`tcp:`).
///
/// The library reads the address from the process environment, so this does, too. Only on Linux and the BSDs is the
/// keyring on a bus.
fn untrusted_bus() -> Option<KeyringError> {
    if !cfg!(unix) || cfg!(target_os = "macos") {
        return None;
    }
    // The library ignores a value that is not Unicode, too.
    let address = std::env::var(BUS).ok()?;
    let why = || format!("{BUS} is not a local socket, `unix:path=/…` or `unix:abstract=…`");
    (!is_local_socket(&address)).then(|| KeyringError::Unavailable(why()))
}

/// Returns whether every address in a `;`-separated list is a socket of this machine that a client can connect to.
/// `dir`, `tmpdir` and `runtime` are only for servers.
fn is_local_socket(addresses: &str) -> bool {
    addresses.split(';').all(|address| {
        let options = address.strip_prefix("unix:").unwrap_or_default();
        let mut sockets = 0;
        let are_known = options.split(',').all(|option| match option.split_once('=') {
            Some(("path", path)) => {
                sockets += 1;
                path.starts_with('/')
            }
            Some(("abstract", name)) => {
                sockets += 1;
                !name.is_empty()
            }
            Some(("guid", _)) => true,
            _ => false,
        });
        are_known && sockets == 1
    })
}

/// Drops the library's prefix for its own layers, which means nothing to a user.
fn unavailable(error: &keyring::Error) -> KeyringError {
    let why = match error {
        keyring::Error::PlatformFailure(why) => why.to_string(),
        other => other.to_string(),
    };
    KeyringError::Unavailable(shortened(why.strip_prefix("zbus error: ").unwrap_or(&why)).to_owned())
}

/// Replaces the text for a socket that does not exist, or on which nothing listens (`ENOENT`, `ECONNREFUSED`), and for a
/// bus without a keyring service.
fn shortened(why: &str) -> &str {
    let is_missing = ["(os error 2)", "(os error 111)", "(os error 61)"].iter().any(|ending| why.ends_with(ending));
    if why.starts_with("Failed to connect") && is_missing {
        "no D-Bus session"
    } else if why.starts_with("org.freedesktop.DBus.Error.ServiceUnknown:") {
        "no keyring service on the D-Bus session"
    } else {
        why
    }
}

/// Only the operating system's text is passed on: the library's may quote the entry.
fn converted(error: &keyring::Error) -> KeyringError {
    match error {
        keyring::Error::NoStorageAccess(_) => KeyringError::Locked,
        keyring::Error::NoDefaultStore => KeyringError::Unavailable("the system has no credential store".to_owned()),
        keyring::Error::PlatformFailure(why) => KeyringError::Failed(why.to_string()),
        keyring::Error::Ambiguous(_) => KeyringError::Failed("it has several entries with the same name".to_owned()),
        keyring::Error::TooLong(..) => KeyringError::Failed("the entry is too long".to_owned()),
        _ => KeyringError::Failed("the entry is not in the expected format".to_owned()),
    }
}

impl Keyring for OsKeyring {
    fn read(&self, name: &str) -> Result<Option<Secret>, KeyringError> {
        let bytes = self.with_timeout(name, |entry| entry.get_secret().map(Zeroizing::new))?;
        let text = |bytes: Zeroizing<Vec<u8>>| std::str::from_utf8(&bytes).map(Secret::new);
        bytes.map(text).transpose().map_err(|_| KeyringError::Failed("the entry is not UTF-8 text".to_owned()))
    }

    fn write(&self, name: &str, secret: &Secret) -> Result<(), KeyringError> {
        let secret = secret.clone();
        let stored = self.with_timeout(name, move |entry| entry.set_secret(secret.expose().as_bytes()))?;
        // A Secret Service without a collection can't store it.
        stored.ok_or(KeyringError::Locked)
    }

    fn remove(&self, name: &str) -> Result<(), KeyringError> {
        self.with_timeout(name, Entry::delete_credential).map(|_| ())
    }
}

/// A keyring in memory, for `doctor demo` and tests.
#[derive(Debug, Default)]
pub struct InMemoryKeyring {
    secrets: Mutex<BTreeMap<String, Secret>>,
    error: Option<KeyringError>,
}

impl InMemoryKeyring {
    /// Returns a keyring whose operations all fail with that error.
    pub fn broken(error: KeyringError) -> Self {
        Self { error: Some(error), ..Self::default() }
    }

    fn secrets(&self) -> Result<MutexGuard<'_, BTreeMap<String, Secret>>, KeyringError> {
        match &self.error {
            Some(error) => Err(error.clone()),
            None => Ok(self.secrets.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

impl Keyring for InMemoryKeyring {
    fn read(&self, name: &str) -> Result<Option<Secret>, KeyringError> {
        self.secrets().map(|secrets| secrets.get(name).cloned())
    }

    fn write(&self, name: &str, secret: &Secret) -> Result<(), KeyringError> {
        self.secrets().map(|mut secrets| drop(secrets.insert(name.to_owned(), secret.clone())))
    }

    fn remove(&self, name: &str) -> Result<(), KeyringError> {
        self.secrets().map(|mut secrets| drop(secrets.remove(name)))
    }
}

#[cfg(test)]
mod tests {
    use crate::io::credentials::keyring::{is_local_socket, shortened};

    #[test]
    fn missing_bus_has_a_short_cause() {
        let failed = |why: &str| format!("Failed to connect to address `unix:path=/run/user/0/bus`: {why}");
        let missing = failed("No such file or directory (os error 2)");
        assert_eq!(shortened(&missing), "no D-Bus session");
        assert_eq!(shortened(&failed("Connection refused (os error 111)")), "no D-Bus session");
        let denied = failed("Permission denied (os error 13)");
        assert_eq!(shortened(&denied), denied);
        let unknown = "org.freedesktop.DBus.Error.ServiceUnknown: The name org.freedesktop.secrets was not provided by \
                       any .service files";
        assert_eq!(shortened(unknown), "no keyring service on the D-Bus session");
    }

    #[test]
    fn accepts_only_local_sockets() {
        for address in [
            "unix:path=/run/user/1000/bus",
            "unix:abstract=/tmp/dbus-3X,guid=0123456789abcdef0123456789abcdef",
            "unix:guid=0123456789abcdef0123456789abcdef,path=/tmp/bus",
            "unix:path=/run/user/1000/bus;unix:abstract=/tmp/dbus-3X",
            "unix:path=/tmp/unixexec:bus",
        ] {
            assert!(is_local_socket(address), "{address}");
        }
        for address in [
            "",
            "unix",
            "unix:",
            "unix:path=",
            "unix:path=bus",
            "unix:path=./bus",
            "unix:abstract=",
            "unix:dir=/tmp",
            "unix:tmpdir=/tmp",
            "unix:runtime=yes",
            "unix:path=/tmp/bus,abstract=bus",
            "unix:path=/tmp/bus,argv1=x",
            "unix:guid=0123456789abcdef0123456789abcdef",
            "UNIX:path=/tmp/bus",
            " unix:path=/tmp/bus",
            "unixexec:path=/tmp/bus.sh",
            "unixexec:path=/bin/sh,argv1=-c,argv2=id",
            "unixexec:unix:path=/tmp/bus",
            "unix:path=/run/user/1000/bus;unixexec:path=/tmp/bus.sh",
            "unixexec:path=/tmp/bus.sh;unix:path=/run/user/1000/bus",
            "unix:path=/run/user/1000/bus;",
            "tcp:host=localhost,port=4142",
            "nonce-tcp:host=localhost,port=4142,noncefile=/tmp/nonce",
            "autolaunch:",
            "autolaunch:scope=*user",
            "launchd:env=DBUS_LAUNCHD_SESSION_BUS_SOCKET",
            "systemd:",
            "ibus:",
            "vsock:cid=2,port=1",
        ] {
            assert!(!is_local_socket(address), "{address}");
        }
    }
}
