//! Typed, checksummed tables on sled: what is durable in a neodex database.
//!
//! The store knows tables, keys and values; what a document is, is decided above. It makes these promises:
//!
//! * **All or nothing.** A transaction may touch any number of tables; after a crash all of it is there or none.
//! * **Acknowledged is durable.** [`Store::commit`] returns after the file was forced to the disk. Many writers share
//!   one such wait.
//! * **One writer at a time**, on one thread: a transaction reads, decides and writes without locks.
//! * **Every value says what it is** (table, key, age, checksum), so damage is noticed, never passed on.
//! * **After a failed write, no more writes** until the database is opened anew.
//!
//! ```
//! use neodex_storage::{Error, Store, StoreOptions, Table};
//!
//! const TITLES: Table<u64, String> = Table::new(16, "titles");
//! const BY_TITLE: Table<String, u64> = Table::new(17, "by_title");
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let store = Store::open_or_create(dir.path(), Default::default(), StoreOptions::new())?;
//! let committed = store.commit::<u64, Error>(|transaction| {
//!     let id = transaction.allocate("titles", 1)?;
//!     transaction.put(&TITLES, &id, &"On sleds".to_owned())?;
//!     transaction.put(&BY_TITLE, "On sleds", &id)?;
//!     transaction.journal(&id.to_le_bytes())?;
//!     Ok(id)
//! })?;
//! assert_eq!(store.get(&TITLES, &committed.value)?.as_deref(), Some("On sleds"));
//! assert_eq!(store.count(&BY_TITLE), 1);
//! # Ok(())
//! # }
//! ```
//!
//! A database's folder:
//!
//! ```text
//! FORMAT   what it is, in plain text (manifest.rs)
//! LOCK     who has it open (lock.rs)
//! store/   sled's files; `db` holds the data. After a compaction it is called store.1, store.2, ...
//! ```

mod carve;
mod codec;
mod commit;
mod compact;
mod copy;
mod durability;
mod engine;
mod error;
#[doc(hidden)]
pub mod failpoint;
mod fresh;
#[doc(hidden)]
pub mod fuzzing;
mod group;
mod identity;
mod journal;
mod kept;
mod key;
mod live;
mod lock;
mod log;
mod manifest;
mod merge;
mod mirror;
mod numbers;
mod options;
mod overlay;
mod parts;
mod poison;
mod rebuild;
mod recovery;
mod rows;
mod sequence;
mod snapshot;
mod store;
mod submission;
mod table;
mod transaction;
mod upgrade;
mod value;
mod verify;
mod watch;

pub use carve::Carved;
pub use codec::{MAX_KEY_BYTES, MAX_PAYLOAD_BYTES};
pub use compact::Compaction;
pub use error::{Error, ErrorKind, Result};
pub use identity::DatabaseId;
pub use journal::JournalEntries;
pub use key::{AsKey, TableKey};
pub use manifest::{FORMAT_VERSION, Manifest, OLDEST_FORMAT, is_database};
pub use merge::MergedRows;
pub use options::{DEFAULT_CACHE_CAPACITY_BYTES, StoreOptions};
pub use parts::{PartTable, part_count};
pub use rebuild::Rebuild;
pub use rows::Rows;
pub use sequence::Sequence;
pub use snapshot::{SNAPSHOT_VERSION, SnapshotInfo, read_snapshot_manifest, restore, restore_new};
pub use store::Store;
pub use submission::{Committed, Pending};
pub use table::{FIRST_USER_TABLE, Table};
pub use transaction::Transaction;
pub use upgrade::Upgrade;
pub use value::{Malformed, TableValue};
pub use verify::{Fault, Miscount, Report};
