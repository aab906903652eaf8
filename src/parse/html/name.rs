//! The name of an element or attribute as a number: comparing and matching names is most of the work on a page, and a
//! number matches in a few instructions.

/// A name in lower case, one byte an ASCII character. Names above 16 bytes (none that HTML knows) are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(u128);

impl Name {
    /// The name, whatever its case.
    pub(super) const fn new(name: &str) -> Self {
        let mut packed = 0u128;
        let mut rest = name.as_bytes();
        while let [byte, after @ ..] = rest {
            packed = packed.rotate_left(8) ^ (byte.to_ascii_lowercase() as u128);
            rest = after;
        }
        Self(packed)
    }
}

/// The names that mean something to us, to match on.
pub(super) mod tag {
    use super::Name;

    macro_rules! names {
        ($($constant:ident)*) => { $(pub(in crate::parse::html) const $constant: Name = Name::new(stringify!($constant));)* };
    }

    names! {
        A ADDRESS AREA ARTICLE ASIDE AUDIO BASE BLOCKQUOTE BODY BR BUTTON CANVAS CAPTION CLASS CODE
        COL DATALIST DD DETAILS DIALOG DIV DL DT EMBED FIELDSET FIGCAPTION FIGURE FOOTER FORM H1 H2
        H3 H4 H5 H6 HEAD HEADER HIDDEN HR HTML IFRAME IMG INPUT LEGEND LI LINK LISTING MAIN MENU
        META NAV NOEMBED NOFRAMES NOSCRIPT OBJECT OL OPTION P PARAM PRE ROLE SCRIPT SECTION SELECT
        SOURCE SPAN STYLE SUMMARY SVG TABLE TBODY TD TEMPLATE TEXTAREA TFOOT TH THEAD TITLE TR TRACK
        UL VIDEO WBR XMP
    }

    pub(in crate::parse::html) const ARIA_HIDDEN: Name = Name::new("aria-hidden");
    pub(in crate::parse::html) const DATA_NOSNIPPET: Name = Name::new("data-nosnippet");
    pub(in crate::parse::html) const RUSTDOC_TOOLBAR: Name = Name::new("rustdoc-toolbar");
    pub(in crate::parse::html) const RUSTDOC_TOPBAR: Name = Name::new("rustdoc-topbar");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_any_case() {
        assert_eq!(Name::new("Div"), tag::DIV);
        assert_ne!(Name::new("div"), Name::new("dlv"));
        assert_ne!(Name::new("a-very-long-custom-element"), Name::new("b-very-long-custom-element"));
    }
}
