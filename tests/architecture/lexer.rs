//! Rust source to tokens: comments disappear, strings become one token, lines are kept.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ident,
    Punct,
    Text,
}

/// One token. `text` of a string is its content, without quotes.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) text: String,
    pub(crate) line: usize,
    pub(crate) spaced: bool,
}

impl Token {
    pub(crate) fn is(&self, punct: &str) -> bool {
        self.kind == Kind::Punct && self.text == punct
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Ident && self.text == word
    }
}

pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source.chars().collect(), at: 0, line: 1, spaced: true, out: Vec::new() };
    while let Some(c) = lexer.peek(0) {
        lexer.step(c);
    }
    lexer.out
}

/// Kept with their `r#` when raw, because without it they would mean something else here.
const KEYWORDS: &[&str] = &["async", "await", "extern", "mod", "pub", "use"];
const LONG_PUNCT: &[&str] = &["::", "->", "=>", "..=", "...", ".."];

struct Lexer {
    rest: Vec<char>,
    at: usize,
    line: usize,
    spaced: bool,
    out: Vec<Token>,
}

impl Lexer {
    fn step(&mut self, c: char) {
        if c.is_whitespace() {
            self.advance();
            self.spaced = true;
        } else if self.starts("//") {
            while self.peek(0).is_some_and(|c| c != '\n') {
                self.advance();
            }
        } else if self.starts("/*") {
            self.block_comment();
        } else if c == '"' {
            self.quoted();
        } else if c == '\'' {
            self.char_or_lifetime();
        } else if is_start(c) {
            self.word();
        } else if c.is_ascii_digit() {
            self.number();
        } else {
            self.punct(c);
        }
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.rest.get(self.at + ahead).copied()
    }

    fn starts(&self, what: &str) -> bool {
        what.chars().enumerate().all(|(i, c)| self.peek(i) == Some(c))
    }

    fn advance(&mut self) {
        if self.peek(0) == Some('\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    fn skip(&mut self, count: usize) {
        (0..count).for_each(|_| self.advance());
    }

    fn push(&mut self, kind: Kind, text: String, line: usize) {
        self.out.push(Token { kind, text, line, spaced: self.spaced });
        self.spaced = false;
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while self.peek(0).is_some() {
            if self.starts("/*") {
                depth += 1;
                self.skip(2);
            } else if self.starts("*/") {
                depth -= 1;
                self.skip(2);
                if depth == 0 {
                    break;
                }
            } else {
                self.advance();
            }
        }
        self.spaced = true;
    }

    fn quoted(&mut self) {
        let line = self.line;
        let mut text = String::new();
        self.advance();
        while let Some(c) = self.peek(0) {
            if c == '"' {
                break;
            }
            if c == '\\' {
                self.advance();
            }
            text.extend(self.peek(0));
            self.advance();
        }
        self.advance();
        self.push(Kind::Text, text, line);
    }

    fn raw_quoted(&mut self, hashes: usize) {
        let line = self.line;
        let end = format!("\"{}", "#".repeat(hashes));
        let mut text = String::new();
        self.skip(hashes + 1);
        while self.peek(0).is_some() && !self.starts(&end) {
            text.extend(self.peek(0));
            self.advance();
        }
        self.skip(end.len());
        self.push(Kind::Text, text, line);
    }

    fn char_or_lifetime(&mut self) {
        let line = self.line;
        self.advance();
        let lifetime = self.peek(0).is_some_and(is_start) && self.peek(1) != Some('\'');
        if lifetime {
            while self.peek(0).is_some_and(is_continue) {
                self.advance();
            }
            self.push(Kind::Punct, "'".to_owned(), line);
            return;
        }
        while let Some(c) = self.peek(0) {
            self.skip(if c == '\\' { 2 } else { 1 });
            if c == '\'' {
                break;
            }
        }
        self.push(Kind::Text, String::new(), line);
    }

    fn word(&mut self) {
        let line = self.line;
        let word = self.take_word();
        let hashes = self.rest.iter().skip(self.at).take_while(|&&c| c == '#').count();
        let quote = self.peek(hashes) == Some('"');
        let raw_string = quote && matches!(word.as_str(), "r" | "br" | "cr");
        if raw_string {
            self.raw_quoted(hashes);
        } else if hashes == 0 && quote && matches!(word.as_str(), "b" | "c") {
            self.quoted();
        } else if word == "b" && self.peek(0) == Some('\'') {
            self.char_or_lifetime();
        } else if word == "r" && hashes == 1 && self.peek(1).is_some_and(is_start) {
            self.advance();
            let name = self.take_word();
            let kept = if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name };
            self.push(Kind::Ident, kept, line);
        } else {
            self.push(Kind::Ident, word, line);
        }
    }

    fn take_word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek(0).filter(|&c| is_continue(c)) {
            word.push(c);
            self.advance();
        }
        word
    }

    fn number(&mut self) {
        let line = self.line;
        let digits = self.take_word();
        self.push(Kind::Text, digits, line);
    }

    fn punct(&mut self, c: char) {
        let line = self.line;
        let text =
            LONG_PUNCT.iter().find(|p| self.starts(p)).map_or_else(|| c.to_string(), |p| (*p).to_owned());
        self.skip(text.chars().count());
        self.push(Kind::Punct, text, line);
    }
}

fn is_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_continue(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
