//! Text made safe for HTML, and the frame around every page. Whatever comes from a document or a query goes through [`Escaped`]: it is shown,
//! never obeyed.

use std::fmt;

use crate::ui::assets::{ICON, SCRIPT_URL, STYLE_URL};

/// Text for HTML, in an element or in a quoted attribute.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (before, special) = rest.split_at(at);
            f.write_str(before)?;
            let mut characters = special.chars();
            f.write_str(match characters.next() {
                Some('&') => "&amp;",
                Some('<') => "&lt;",
                Some('>') => "&gt;",
                Some('"') => "&quot;",
                _ => "&#39;",
            })?;
            rest = characters.as_str();
        }
        f.write_str(rest)
    }
}

/// A whole page. `class` goes on its body.
pub(crate) fn frame(title: &str, class: &str, body: &str) -> String {
    let (style, script) = (STYLE_URL.as_str(), SCRIPT_URL.as_str());
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <link rel=\"icon\" href=\"{ICON}\"><link rel=\"stylesheet\" href=\"{style}\"><script src=\"{script}\" defer></script>\
         </head><body class=\"{class}\">{body}</body></html>",
        Escaped(title)
    )
}

/// Part of a query string.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_through_as_markup() {
        let shown = Escaped("<script>alert('a' & \"b\")</script>é").to_string();
        assert_eq!(shown, "&lt;script&gt;alert(&#39;a&#39; &amp; &quot;b&quot;)&lt;/script&gt;é");
        assert_eq!(encoded("a b&c=é/<"), "a+b%26c%3D%C3%A9%2F%3C");
    }
}
