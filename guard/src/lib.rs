//! Calls into libraries that may panic over damaged bytes: sled, tantivy, the readers of Parquet and of `tokenizer.json`.
//!
//! Such a panic is caught at the door and becomes an error that names the file. The panic hook runs before that and would put "thread
//! panicked at" on a person's terminal all the same; so the door notes in the thread that it is passed, and a program that wants to be quiet
//! about what was caught installs [`hide_caught_panics`]. A crate of its own, because the doors are in crates that know nothing of each other.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    /// How many doors this thread is behind.
    static BEHIND: Cell<u32> = const { Cell::new(0) };
}

/// Behind a door for as long as it lives, also when what is behind it panics.
struct Door;

impl Door {
    fn pass() -> Self {
        BEHIND.set(BEHIND.get().saturating_add(1));
        Self
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        BEHIND.set(BEHIND.get().saturating_sub(1));
    }
}

/// Calls into a library. The caller answers for what the call leaves behind: nothing that it wrote to may be used after a panic.
///
/// # Errors
/// What the panic carried.
pub fn call<T>(library: impl FnOnce() -> T) -> std::thread::Result<T> {
    let _door = Door::pass();
    catch_unwind(AssertUnwindSafe(library))
}

/// Whether this thread is inside a [`call`]. Threads that the library starts are not.
#[must_use]
pub fn is_guarded() -> bool {
    BEHIND.get() > 0
}

/// Makes the process say nothing of panics that a [`call`] catches; all others are told as before, and all are where `RUST_BACKTRACE` asks for
/// them. For a program, not for a library: there is one hook for the whole process.
pub fn hide_caught_panics() {
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|asked| asked != "0") {
        return;
    }
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !is_guarded() {
            tell(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_guarded_until_the_outermost_call_ends() {
        assert!(!is_guarded());
        let inner = call(|| {
            let caught = call(|| panic!("as the library does"));
            (caught.is_err(), is_guarded(), std::thread::spawn(is_guarded).join().unwrap())
        });
        assert_eq!(inner.unwrap(), (true, true, false));
        assert!(!is_guarded());
    }
}
