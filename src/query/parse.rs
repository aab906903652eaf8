//! From the text of a filter to its meaning, by recursive descent.
//!
//! ```ebnf
//! filter     = or ;
//! or         = and , { "OR" , and } ;
//! and        = not , { "AND" , not } ;
//! not        = "NOT" , not | primary ;
//! primary    = "(" , or , ")"
//!            | "EXISTS" , field
//!            | field , ( "=" | "!=" | "<" | "<=" | ">" | ">=" ) , value
//!            | field , [ "NOT" ] , "IN" , "[" , [ value , { "," , value } ] , "]" ;
//! field      = name | "`" , { any character, a backtick twice } , "`" ;
//! name       = { letter | digit | "_" | "-" | "." | "/" }, a letter or "_" among them, no keyword ;
//! value      = number | "true" | "false" | date | string ;
//! number     = [ "+" | "-" ] , ( digits , [ "." , [ digits ] ] | "." , digits ) , [ "e" , [ "+" | "-" ] , digits ] ;
//! date       = RFC 3339 date-time | RFC 3339 full-date ;
//! string     = "'" , { any character, "'" as "''" or "\'", "\" as "\\" } , "'"
//!            | '"' , { any character, '"' as '""' or '\"', "\" as "\\" } , '"' ;
//! ```
//!
//! `NOT` binds tighter than `AND`, `AND` tighter than `OR`. Keywords, `true` and `false` are written in any case. A whole number beyond
//! 64 bits is taken as a float. Comparisons of one level become one flat `And` or `Or`; parentheses keep theirs apart.

use neodex_index::filter::{Op, Predicate, Value};

use super::date;
use super::error::QueryError;
use super::lexer::{Lexeme, Lexer, Token, is_bare_name};

/// How deep parentheses and `NOT` may nest: the parser recurses, and its stack must not be the caller's choice.
pub const MAX_DEPTH: usize = 64;
/// The longest filter, in bytes.
pub const MAX_LENGTH_BYTES: usize = 64 * 1024;

/// Reads a filter.
///
/// # Errors
/// When the text is not in the grammar, is longer than [`MAX_LENGTH_BYTES`], or nests deeper than [`MAX_DEPTH`]. The error points at
/// the place.
pub fn parse(input: &str) -> Result<Predicate, QueryError> {
    if input.len() > MAX_LENGTH_BYTES {
        let message = format!("the filter has {} bytes; {MAX_LENGTH_BYTES} are the most", input.len());
        // Only what is needed to show the place is kept: the rest may be anything a client sent.
        let kept = input.floor_char_boundary(MAX_LENGTH_BYTES);
        return Err(QueryError::new(message, kept..kept, &input[..kept]));
    }
    let mut lexer = Lexer::new(input);
    let next = lexer.next()?;
    let mut parser = Parser { input, lexer, next, previous_end: 0, depth: 0 };
    if parser.next.token == Token::End {
        return Err(QueryError::new("the filter is empty", 0..0, input));
    }
    let predicate = parser.or()?;
    match &parser.next.token {
        Token::End => Ok(predicate),
        Token::Sign(")") => Err(parser.unexpected("this `)` closes nothing")),
        _ => Err(parser.unexpected("expected `AND`, `OR` or the end")),
    }
}

struct Parser<'a> {
    input: &'a str,
    lexer: Lexer<'a>,
    /// The token not yet taken.
    next: Lexeme<'a>,
    /// Where the token taken last ended: what is missing is missing there.
    previous_end: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn or(&mut self) -> Result<Predicate, QueryError> {
        let mut parts = vec![self.and()?];
        while self.take_keyword("OR")? {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Predicate::Or))
    }

    fn and(&mut self) -> Result<Predicate, QueryError> {
        let mut parts = vec![self.not()?];
        while self.take_keyword("AND")? {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Predicate::And))
    }

    fn not(&mut self) -> Result<Predicate, QueryError> {
        if !self.is_keyword("NOT") {
            return self.primary();
        }
        self.deeper()?;
        self.advance()?;
        let inner = self.not()?;
        self.depth -= 1;
        Ok(Predicate::Not(Box::new(inner)))
    }

    fn primary(&mut self) -> Result<Predicate, QueryError> {
        if self.next.token == Token::Sign("(") {
            self.deeper()?;
            let open = self.advance()?.span;
            let inner = self.or()?;
            if self.next.token == Token::End {
                return Err(QueryError::new("this `(` is never closed", open, self.input));
            }
            if !self.take_sign(")")? {
                return Err(self.unexpected("expected `AND`, `OR` or `)`"));
            }
            self.depth -= 1;
            return Ok(inner);
        }
        if self.take_keyword("EXISTS")? {
            return Ok(Predicate::Exists { field: self.field("expected a field name after `EXISTS`")? });
        }
        let field = self.field("expected a field name")?;
        self.comparison(field)
    }

    fn comparison(&mut self, field: String) -> Result<Predicate, QueryError> {
        let negated = self.take_keyword("NOT")?;
        if self.take_keyword("IN")? {
            let predicate = Predicate::In { field, values: self.list()? };
            return Ok(if negated { Predicate::Not(Box::new(predicate)) } else { predicate });
        }
        if negated {
            return Err(
                self.unexpected("expected `IN` after `NOT`; to negate a comparison, put `NOT` before the field")
            );
        }
        let op = match self.next.token {
            Token::Sign("=") => Op::Eq,
            Token::Sign("!=") => Op::Ne,
            Token::Sign("<") => Op::Lt,
            Token::Sign("<=") => Op::Le,
            Token::Sign(">") => Op::Gt,
            Token::Sign(">=") => Op::Ge,
            _ => return Err(self.unexpected(&format!("expected a comparison or `IN` after the field `{field}`"))),
        };
        self.advance()?;
        let value = self.value(&format!("expected a value after `{}`", op.symbol()))?;
        Ok(Predicate::Compare { field, op, value })
    }

    fn list(&mut self) -> Result<Vec<Value>, QueryError> {
        if !self.take_sign("[")? {
            return Err(self.unexpected("expected `[` after `IN`"));
        }
        let mut values = Vec::new();
        if self.take_sign("]")? {
            return Ok(values);
        }
        loop {
            values.push(self.value("expected a value")?);
            if self.take_sign("]")? {
                return Ok(values);
            }
            if !self.take_sign(",")? {
                return Err(self.unexpected("expected `,` or `]`"));
            }
        }
    }

    fn field(&mut self, expected: &str) -> Result<String, QueryError> {
        let field = match &self.next.token {
            Token::Name(name) => name.clone(),
            Token::Word(word) if is_keyword(word) => {
                return Err(self.unexpected(&format!("{expected}; a field of the name `{word}` goes in backticks")));
            }
            Token::Word(word) if is_bare_name(word) => (*word).to_owned(),
            Token::Word(_) | Token::Text(_) => {
                let message = format!("{expected}; one with other characters, or of digits only, goes in backticks");
                return Err(self.unexpected(&message));
            }
            Token::Sign(_) | Token::End => return Err(self.unexpected(expected)),
        };
        self.advance()?;
        Ok(field)
    }

    fn value(&mut self, expected: &str) -> Result<Value, QueryError> {
        let value = match &self.next.token {
            Token::Text(text) => Value::Text(text.clone()),
            Token::Word(word) if !is_keyword(word) => literal(word).map_err(|reason| self.unexpected(&reason))?,
            Token::Name(_) => return Err(self.unexpected(&format!("{expected}; backticks are for field names"))),
            Token::Word(_) | Token::Sign(_) | Token::End => return Err(self.unexpected(expected)),
        };
        self.advance()?;
        Ok(value)
    }

    fn advance(&mut self) -> Result<Lexeme<'a>, QueryError> {
        let following = self.lexer.next()?;
        self.previous_end = self.next.span.end;
        Ok(std::mem::replace(&mut self.next, following))
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.next.token, Token::Word(word) if word.eq_ignore_ascii_case(keyword))
    }

    fn take_keyword(&mut self, keyword: &str) -> Result<bool, QueryError> {
        let found = self.is_keyword(keyword);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn take_sign(&mut self, sign: &str) -> Result<bool, QueryError> {
        let found = matches!(self.next.token, Token::Sign(next) if next == sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn deeper(&mut self) -> Result<(), QueryError> {
        if self.depth == MAX_DEPTH {
            return Err(self.unexpected(&format!("parentheses and `NOT` nest deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        Ok(())
    }

    /// An error at the token not yet taken; at the end of the filter, just behind the last one.
    fn unexpected(&self, message: &str) -> QueryError {
        let span = match self.next.token {
            Token::End => self.previous_end..self.previous_end,
            _ => self.next.span.clone(),
        };
        QueryError::new(message, span, self.input)
    }
}

fn one_or(mut parts: Vec<Predicate>, many: fn(Vec<Predicate>) -> Predicate) -> Predicate {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

pub(super) fn is_keyword(word: &str) -> bool {
    ["AND", "OR", "NOT", "IN", "EXISTS"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

/// What a value without quotes is.
fn literal(word: &str) -> Result<Value, String> {
    if word.eq_ignore_ascii_case("true") {
        return Ok(Value::Bool(true));
    }
    if word.eq_ignore_ascii_case("false") {
        return Ok(Value::Bool(false));
    }
    if let Some(microseconds) = date::microseconds(word) {
        return Ok(Value::Date { microseconds, text: word.to_owned() });
    }
    if date::looks_like_date(word) {
        return Err(format!(
            "`{word}` is no date; dates are written 2024-05-01, with a time 2024-05-01T12:00:00Z, and strings in quotes"
        ));
    }
    let digits = word.trim_start_matches(['+', '-']);
    // `inf` and `nan` are words to a person and numbers to Rust.
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Err(format!("strings go in quotes: '{word}'"));
    }
    if let Ok(integer) = word.parse() {
        return Ok(Value::Integer(integer));
    }
    match word.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok(Value::Float(float)),
        Ok(_) => Err(format!("the number `{word}` is too large")),
        Err(_) => Err(format!("`{word}` is no number; strings go in quotes: '{word}'")),
    }
}
