//! The system's keyring: secrets by name, asked with patience, because a bus that never answers hangs its library.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use keyring::Entry;
use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::io::os;

/// The name that every entry of `doctor` has in the keyring.
const SERVICE: &str = "railway-doctor";

/// How long it may take to answer; the user hears of it within two seconds.
const PATIENCE: Duration = Duration::from_millis(1500);

/// How many threads asking takes at most: one here, and those of the library, which ends the process without them.
const THREADS: usize = 6;

/// Why the keyring could not be asked. It never means that nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringError {
    /// There is none; why.
    Absent(String),
    /// It is locked, and nobody unlocked it.
    Locked,
    /// It does not answer.
    Silent,
    /// It refuses, or what it holds makes no sense; why.
    Refused(String),
}

impl KeyringError {
    /// Returns a sentence without full stop.
    pub fn sentence(&self) -> String {
        match self {
            Self::Absent(why) => format!("the system's keyring is not there: {why}"),
            Self::Locked => "the system's keyring is locked".to_owned(),
            Self::Silent => {
                "the system's keyring does not answer; it may be locked and waiting for somebody".to_owned()
            }
            Self::Refused(why) => format!("the system's keyring can't be used: {why}"),
        }
    }

    /// Returns what to do about a login that it holds.
    pub fn remedy(&self) -> String {
        format!("{}, or set RAILWAY_TOKEN or RAILWAY_API_TOKEN for this shell", self.first_step())
    }

    /// Returns what to do about it, before it is asked again.
    pub fn first_step(&self) -> &'static str {
        match self {
            Self::Absent(_) => "start a D-Bus session with a keyring",
            Self::Locked => "unlock it",
            Self::Silent => "look for its window, or restart it",
            Self::Refused(_) => "run `doctor auth logout`, then `doctor auth login`",
        }
    }
}

pub trait Keyring {
    /// Returns the secret of that name, if there is one.
    fn read(&self, name: &str) -> Result<Option<Secret>, KeyringError>;
    /// Stores a secret in the place of the one before it.
    fn write(&self, name: &str, secret: &Secret) -> Result<(), KeyringError>;
    /// Removes it; that there is none is fine.
    fn remove(&self, name: &str) -> Result<(), KeyringError>;
}

/// The system's own: Secret Service, macOS Keychain, Windows Credential Manager.
#[derive(Debug, Default)]
pub struct OsKeyring {
    /// One that was silent is not waited for again in the same run, nor anybody asked twice to unlock it.
    met: RefCell<Option<KeyringError>>,
}

impl OsKeyring {
    /// Does it on another thread, which is left behind if it hangs.
    fn patiently<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&Entry) -> keyring::Result<T> + Send + 'static,
    ) -> Result<Option<T>, KeyringError> {
        if let Some(trouble) = &*self.met.borrow() {
            return Err(trouble.clone());
        }
        if let Some(trouble) = foreign_bus() {
            return Err(trouble);
        }
        if let Err(why) = os::probe_threads(THREADS) {
            return Err(KeyringError::Refused(why));
        }
        let (sender, receiver) = mpsc::channel();
        let name = name.to_owned();
        let worker = move || {
            let status = Entry::store_status().as_ref().map_err(absent);
            let done = status.and_then(|()| {
                let done = Entry::new(SERVICE, &name).and_then(|entry| work(&entry));
                match done {
                    Ok(done) => Ok(Some(done)),
                    Err(keyring::Error::NoEntry) => Ok(None),
                    Err(error) => Err(trouble(&error)),
                }
            });
            // Nobody listens any more if it took too long.
            drop(sender.send(done));
        };
        if thread::Builder::new().spawn(worker).is_err() {
            return Err(KeyringError::Refused("the system gives no thread".to_owned()));
        }
        let done = receiver.recv_timeout(PATIENCE).unwrap_or(Err(KeyringError::Silent));
        if let Err(trouble @ (KeyringError::Silent | KeyringError::Locked)) = &done {
            *self.met.borrow_mut() = Some(trouble.clone());
        }
        done
    }
}

/// The address of the bus, as the library of the Secret Service reads it.
const BUS: &str = "DBUS_SESSION_BUS_ADDRESS";

/// Returns why the bus of the environment is not asked. Other transports than a local socket start a program
/// (`unixexec:`, `autolaunch:`, `ibus:`), which would inherit the environment with its tokens, or lead to another
/// machine (`tcp:`).
///
/// The library takes the address from the process, so it is read there, too. Elsewhere than on Linux and the BSDs, the keyring
/// is not on a bus.
fn foreign_bus() -> Option<KeyringError> {
    if !cfg!(unix) || cfg!(target_os = "macos") {
        return None;
    }
    // What is not text is not used by the library, either.
    let address = std::env::var(BUS).ok()?;
    let why = || format!("{BUS} is not the address of a local socket (`unix:path=/…` or `unix:abstract=…`)");
    (!is_local_socket(&address)).then(|| KeyringError::Absent(why()))
}

/// Returns whether every address of a list, separated by `;`, names one socket of this machine to connect to. `dir`,
/// `tmpdir` and `runtime` are only for servers.
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

/// The library's names for its layers mean nothing to a person.
fn absent(error: &keyring::Error) -> KeyringError {
    let why = match error {
        keyring::Error::PlatformFailure(why) => why.to_string(),
        other => other.to_string(),
    };
    KeyringError::Absent(why.strip_prefix("zbus error: ").unwrap_or(&why).to_owned())
}

/// The library's own text may quote what is stored, so that only the system's is passed on.
fn trouble(error: &keyring::Error) -> KeyringError {
    match error {
        keyring::Error::NoStorageAccess(_) => KeyringError::Locked,
        keyring::Error::NoDefaultStore => KeyringError::Absent("the system has none".to_owned()),
        keyring::Error::PlatformFailure(why) => KeyringError::Refused(why.to_string()),
        keyring::Error::Ambiguous(_) => KeyringError::Refused("it holds several entries of that name".to_owned()),
        keyring::Error::TooLong(..) => KeyringError::Refused("it has no room for that much".to_owned()),
        _ => KeyringError::Refused("what it holds is not as doctor stored it".to_owned()),
    }
}

impl Keyring for OsKeyring {
    fn read(&self, name: &str) -> Result<Option<Secret>, KeyringError> {
        let bytes = self.patiently(name, |entry| entry.get_secret().map(Zeroizing::new))?;
        let text = |bytes: Zeroizing<Vec<u8>>| std::str::from_utf8(&bytes).map(Secret::new);
        bytes.map(text).transpose().map_err(|_| KeyringError::Refused("what it holds is no text".to_owned()))
    }

    fn write(&self, name: &str, secret: &Secret) -> Result<(), KeyringError> {
        let secret = secret.clone();
        let stored = self.patiently(name, move |entry| entry.set_secret(secret.expose().as_bytes()))?;
        // A Secret Service without any collection has no place for it.
        stored.ok_or(KeyringError::Locked)
    }

    fn remove(&self, name: &str) -> Result<(), KeyringError> {
        self.patiently(name, Entry::delete_credential).map(|_| ())
    }
}

/// One that lasts as long as the process: for `doctor demo` and for tests.
#[derive(Debug, Default)]
pub struct InMemoryKeyring {
    secrets: Mutex<BTreeMap<String, Secret>>,
    trouble: Option<KeyringError>,
}

impl InMemoryKeyring {
    /// One that can't be asked.
    pub fn broken(trouble: KeyringError) -> Self {
        Self { trouble: Some(trouble), ..Self::default() }
    }

    fn secrets(&self) -> Result<MutexGuard<'_, BTreeMap<String, Secret>>, KeyringError> {
        match &self.trouble {
            Some(trouble) => Err(trouble.clone()),
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
    use crate::io::credentials::keyring::is_local_socket;

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
