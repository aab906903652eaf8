//! The user's folders: where databases made for `search --in` live, and where installed models are looked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::exit::usage;

/// The database of `path`, below the user's cache folder under a hash of the absolute path. The folder above it is made.
pub(crate) fn database_for(path: &Path) -> Result<PathBuf> {
    let absolute = path.canonicalize().map_err(|error| usage(format!("{}: {error}", path.display())))?;
    let Some(cache) = user_folder("XDG_CACHE_HOME", ".cache") else {
        return Err(usage("no cache folder: set XDG_CACHE_HOME or HOME, or give the database's folder with --db"));
    };
    let folder = cache.join("neodex");
    std::fs::create_dir_all(&folder).with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    let hash = blake3::hash(absolute.as_os_str().as_encoded_bytes()).to_hex();
    Ok(folder.join(hash.get(..32).unwrap_or_default()))
}

/// The folder of installed models.
pub(crate) fn models() -> Option<PathBuf> {
    Some(user_folder("XDG_DATA_HOME", ".local/share")?.join("neodex").join("models"))
}

/// A folder of the XDG base directory specification: the variable's if it is absolute, else the default below the home folder.
fn user_folder(variable: &str, default: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || std::env::var_os("HOME").filter(|home: &OsString| !home.is_empty()).map(PathBuf::from);
    named.or_else(|| Some(home()?.join(default)))
}
