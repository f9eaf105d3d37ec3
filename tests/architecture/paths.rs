//! Tokens to paths: nested `use` trees are expanded, and every `a::b::c` in code, attributes and macros is seen.

use std::collections::BTreeSet;

use super::lexer::{Kind, Token, tokens};

/// A path as written, with where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// Segments as written, `crate`, `self` and `super` included.
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Inline modules of the file around it.
    pub(crate) scope: Vec<String>,
    /// Began with `::`: an external crate whatever is in scope.
    pub(crate) external: bool,
    pub(crate) glob: bool,
    pub(crate) place: Place,
    /// The name behind `as`.
    pub(crate) renamed: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// An expression, a type, an attribute, a macro.
    Code,
    /// `use`
    Import,
    /// `pub use`, whatever the restriction.
    Export,
}

/// What one file says.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) paths: Vec<Path>,
    /// `(inline scope, name)` of what the file itself binds: modules and imported names.
    pub(crate) bound: BTreeSet<(Vec<String>, String)>,
    /// `(line, what)` of constructs that would hide something from this reading.
    pub(crate) refused: Vec<(usize, &'static str)>,
    /// Lines with `async` or `.await`.
    pub(crate) asynchronous: Vec<usize>,
    /// Lines with `macro_rules`.
    pub(crate) macros: Vec<usize>,
}

pub(crate) fn read(text: &str) -> Source {
    let mut reader =
        Reader { tokens: tokens(text), at: 0, depth: 0, modules: Vec::new(), out: Source::default() };
    while reader.at < reader.tokens.len() {
        reader.step();
    }
    reader.out
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Inline modules open here, each with the brace depth it was opened at.
    modules: Vec<(String, usize)>,
    out: Source,
}

/// The path so far while walking down a `use` tree.
#[derive(Clone)]
struct Branch {
    segments: Vec<String>,
    external: bool,
    place: Place,
}

impl Reader {
    fn step(&mut self) {
        let Some(token) = self.get(0).cloned() else { return };
        match (token.kind, token.text.as_str()) {
            (Kind::Punct, "#") => self.attribute(token.line),
            (Kind::Punct, "{") => self.depth += 1,
            (Kind::Punct, "}") => self.close_brace(),
            (Kind::Ident, "mod") => self.module(),
            (Kind::Ident, "extern") if self.next_is_word("crate") => self.refuse(token.line, "extern crate"),
            (Kind::Ident, "include") if self.next_is("!") => self.refuse(token.line, "include!"),
            (Kind::Ident, "macro_rules") => self.out.macros.push(token.line),
            (Kind::Ident, "async" | "await") => self.out.asynchronous.push(token.line),
            (Kind::Ident, "pub") if self.next_is("(") => return self.restricted_visibility(),
            (Kind::Ident, "use") if !self.next_is("<") => return self.use_declaration(),
            (Kind::Ident, _) => return self.path_in_code(false),
            (Kind::Punct, "::") if self.leads() => return self.path_in_code(true),
            _ => {}
        }
        self.at += 1;
    }

    fn get(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn previous(&self) -> Option<&Token> {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at))
    }

    fn next_is(&self, punct: &str) -> bool {
        self.get(1).is_some_and(|t| t.is(punct))
    }

    fn next_is_word(&self, word: &str) -> bool {
        self.get(1).is_some_and(|t| t.is_word(word))
    }

    fn scope(&self) -> Vec<String> {
        self.modules.iter().map(|(name, _)| name.clone()).collect()
    }

    fn refuse(&mut self, line: usize, what: &'static str) {
        self.out.refused.push((line, what));
    }

    fn close_brace(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.modules.retain(|(_, depth)| *depth < self.depth + 1);
    }

    /// `#[path]`, also through `cfg_attr`; strings of an attribute that hold a path (`serde(with = "…")`).
    fn attribute(&mut self, line: usize) {
        let open = if self.next_is("!") { 2 } else { 1 };
        if !self.get(open).is_some_and(|t| t.is("[")) {
            return;
        }
        let body: Vec<Token> = self.bracketed(open).to_vec();
        let conditional = body.first().is_some_and(|t| t.is_word("cfg_attr"));
        let names_path = |(i, t): (usize, &Token)| {
            t.is_word("path") && body.get(i + 1).is_some_and(|t| t.is("=")) && (i == 0 || conditional)
        };
        if body.iter().enumerate().any(names_path) {
            self.refuse(line, "#[path]");
        }
        for text in body.iter().filter(|t| t.kind == Kind::Text && is_path(&t.text)) {
            let segments = text.text.split("::").map(str::to_owned).collect();
            let branch = Branch { segments, external: false, place: Place::Code };
            self.keep(branch, text.line, false);
        }
    }

    /// Tokens inside the bracket that stands `open` tokens ahead.
    fn bracketed(&self, open: usize) -> &[Token] {
        let rest = self.tokens.get(self.at + open + 1..).unwrap_or_default();
        let mut depth = 1_usize;
        let end = rest.iter().position(|t| {
            depth += usize::from(t.is("["));
            depth -= usize::from(t.is("]"));
            depth == 0
        });
        rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
    }

    fn module(&mut self) {
        let Some(name) = self.get(1).filter(|t| t.kind == Kind::Ident).map(|t| t.text.clone()) else {
            return;
        };
        self.out.bound.insert((self.scope(), name.clone()));
        if self.get(2).is_some_and(|t| t.is("{")) {
            self.modules.push((name, self.depth + 1));
        }
        self.at += 1;
    }

    /// `pub(crate)` and `pub(in crate::x)` name no import.
    fn restricted_visibility(&mut self) {
        let names_scope =
            self.get(2).is_some_and(|t| t.is_word("in")) || self.get(3).is_some_and(|t| t.is(")"));
        self.at += 1;
        while names_scope && self.get(0).is_some_and(|t| !t.is(")")) {
            self.at += 1;
        }
    }

    fn use_declaration(&mut self) {
        let public = self.previous().is_some_and(|t| t.is_word("pub") || t.is(")"));
        self.at += 1;
        let external = self.eat("::");
        let place = if public { Place::Export } else { Place::Import };
        self.use_tree(Branch { segments: Vec::new(), external, place });
    }

    fn eat(&mut self, punct: &str) -> bool {
        let found = self.get(0).is_some_and(|t| t.is(punct));
        self.at += usize::from(found);
        found
    }

    fn use_tree(&mut self, mut branch: Branch) {
        let line = self.get(0).map_or(0, |t| t.line);
        loop {
            let Some(token) = self.get(0).cloned() else { return };
            if token.is("{") {
                self.at += 1;
                return self.use_list(&branch);
            }
            if token.is("*") {
                self.at += 1;
                return self.keep(branch, line, true);
            }
            if token.kind != Kind::Ident {
                return;
            }
            self.at += 1;
            branch.segments.push(token.text);
            if !self.eat("::") {
                return self.use_leaf(branch, line);
            }
        }
    }

    fn use_list(&mut self, branch: &Branch) {
        while self.get(0).is_some_and(|t| !t.is("}") && !t.is(";")) {
            let before = self.at;
            let mut inner = branch.clone();
            inner.external |= inner.segments.is_empty() && self.eat("::");
            self.use_tree(inner);
            self.eat(",");
            self.at += usize::from(self.at == before);
        }
        self.eat("}");
    }

    fn use_leaf(&mut self, mut branch: Branch, line: usize) {
        if branch.segments.len() > 1 && branch.segments.last().is_some_and(|s| s == "self") {
            branch.segments.pop();
        }
        let alias = self.get(0).is_some_and(|t| t.is_word("as"));
        let renamed = self.get(1).filter(|_| alias).map(|t| t.text.clone());
        self.at += if alias { 2 } else { 0 };
        let name = renamed.clone().or_else(|| branch.segments.last().cloned()).unwrap_or_default();
        if branch.segments.len() > 1 || alias {
            self.out.bound.insert((self.scope(), name));
        }
        self.keep(branch, line, false);
        if let Some(path) = self.out.paths.last_mut() {
            path.renamed = renamed;
        }
    }

    /// Whether the `::` here begins a path instead of continuing one: `-> ::sqlx`, not `Vec::<u8>::new`.
    fn leads(&self) -> bool {
        self.previous().is_none_or(|t| t.kind == Kind::Punct && !matches!(t.text.as_str(), ">" | "]" | ")"))
            || self.get(0).is_some_and(|t| t.spaced)
    }

    fn path_in_code(&mut self, external: bool) {
        let line = self.get(0).map_or(0, |t| t.line);
        let member = self.previous().is_some_and(|t| t.is(".") || (t.is("::") && !external));
        self.at += usize::from(external);
        let mut segments = Vec::new();
        while let Some(token) = self.get(0).filter(|t| t.kind == Kind::Ident) {
            segments.push(token.text.clone());
            self.at += 1;
            if !(self.get(0).is_some_and(|t| t.is("::"))
                && self.get(1).is_some_and(|t| t.kind == Kind::Ident))
            {
                break;
            }
            self.at += 1;
        }
        let glob_or_generic = self.get(0).is_some_and(|t| t.is("::"));
        if !member && (external || segments.len() > 1 || glob_or_generic) {
            self.keep(Branch { segments, external, place: Place::Code }, line, false);
        }
    }

    fn keep(&mut self, branch: Branch, line: usize, glob: bool) {
        let Branch { segments, external, place } = branch;
        let scope = self.scope();
        self.out.paths.push(Path { segments, line, scope, external, glob, place, renamed: None });
    }
}

fn is_path(text: &str) -> bool {
    text.contains("::")
        && text.split("::").all(|s| !s.is_empty() && s.chars().all(|c| c == '_' || c.is_alphanumeric()))
}
