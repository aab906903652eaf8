//! What a repository is called.

use std::fmt;

use anyhow::Result;

use crate::exit::usage;

/// Longer names the hub does not have.
const LONGEST: usize = 96;

/// A model's repository: `org/name`, or `name` alone for the hub's oldest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repository(String);

impl Repository {
    /// Checks what somebody typed. An address of the hub's pages is understood, too.
    pub(crate) fn parse(typed: &str) -> Result<Self> {
        let name = match typed.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path.trim_end_matches('/')),
            None => typed,
        };
        match is_name(name) {
            true => Ok(Self(name.to_owned())),
            false => Err(usage(format!(
                "`{typed}` is not the name of a repository: an organisation and a name, like sentence-transformers/all-MiniLM-L6-v2"
            ))),
        }
    }

    /// `typed` as a repository with an organisation, where it can be one.
    pub(crate) fn maybe(typed: &str) -> Option<Self> {
        (typed.contains('/') && is_name(typed)).then(|| Self(typed.to_owned()))
    }

    /// The repository whose folder in the cache has this name.
    pub(crate) fn of_folder(folder: &str) -> Option<Self> {
        let name = folder.strip_prefix("models--")?.replace("--", "/");
        is_name(&name).then_some(Self(name))
    }

    /// The name of its folder in the cache.
    pub(crate) fn folder(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One or two parts of letters, digits, `-`, `_` and `.`, none of which could be taken for a path's dots or a folder's dashes.
fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let sound = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let ends = part.starts_with(['-', '.']) || part.ends_with(['-', '.']);
        sound && !part.is_empty() && !ends && !part.contains("--") && !part.contains("..")
    };
    name.len() <= LONGEST && name.split('/').count() <= 2 && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn names_become_folders_and_back() {
        for name in ["org/model-v1.5", "bert-base-uncased", "https://hub.example/org/model-v1.5/"] {
            let repository = Repository::parse(name).unwrap();
            assert_eq!(Repository::of_folder(&repository.folder()).as_ref(), Some(&repository));
            assert!(name.contains(&repository.to_string()));
        }
        for name in ["", "a/b/c", "../up", "a/..", "org/", "a--b/c", "a b", "/etc/passwd", "-x", "https://hub.example"]
        {
            assert!(Repository::parse(name).is_err(), "{name}");
        }
        assert!(Repository::maybe("org/model").is_some() && Repository::maybe("small").is_none());
    }
}
