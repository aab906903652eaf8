//! What a document is called on the page: its title, else the end of its id.

/// See the module.
pub(crate) fn shown<'a>(title: &'a str, id: &'a str) -> &'a str {
    match title.trim() {
        "" => id.rsplit('/').find(|part| !part.is_empty()).unwrap_or(id),
        title => title,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_always_shown() {
        assert_eq!(shown(" T ", "a"), "T");
        assert_eq!(shown("", "a/b.md"), "b.md");
        assert_eq!(shown("", "///"), "///");
    }
}
