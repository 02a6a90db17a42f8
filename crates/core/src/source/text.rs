//! Text from files: `{ file = "x" }` as it stands, `{ template = "x", with = {..} }` rendered.

use std::path::Path;
use std::sync::Arc;

use minijinja::{Environment, Value};

use super::bounds;
use super::expression;
use super::fault::Fault;
use super::files::Files;
use super::span::Span;

/// A template and the files it includes, all read when the stack is loaded.
#[derive(Debug)]
pub(crate) struct Library {
    main: String,
    parts: Vec<Part>,
    /// What is included and cannot be read, and why.
    unread: Vec<(String, String)>,
    /// The parts, read once for all that use them.
    environment: Environment<'static>,
    /// What does not read in them.
    broken: Vec<Fault>,
    names: Vec<(Vec<String>, Span)>,
}

#[derive(Debug)]
struct Part {
    name: String,
    text: Arc<str>,
    start: Span,
}

impl Library {
    /// Reads a template and what it includes from the folder it lies in.
    pub(crate) fn read(files: &mut Files, path: &Path) -> std::io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let main = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut library = Self {
            main: main.clone(),
            parts: Vec::new(),
            unread: Vec::new(),
            environment: expression::for_files(),
            broken: Vec::new(),
            names: Vec::new(),
        };
        let mut wanted = vec![main];
        while let Some(name) = wanted.pop() {
            if library.parts.iter().any(|part| part.name == name) {
                continue;
            }
            // Beside it, or below: an include leads to no other folder.
            if name.starts_with('/') || name.split('/').any(|part| part == "..") {
                continue;
            }
            let number = match files.read(&folder.join(&name)) {
                Ok(number) => number,
                // An include that is not there is told where it stands, when the template is rendered.
                Err(error) if !library.parts.is_empty() => {
                    if error.kind() != std::io::ErrorKind::NotFound {
                        library.unread.push((name, error.to_string()));
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let text = files.text(number);
            if let Some(why) = expression::unwieldy(&text) {
                if library.parts.is_empty() {
                    return Err(std::io::Error::other(why));
                }
                library.unread.push((name, why));
                continue;
            }
            wanted.extend(includes(&text));
            let start = files
                .sources
                .file(number)
                .map_or(Span::NOWHERE, |source| source.span(0..0));
            library.parts.push(Part { name, text, start });
        }
        library.compile();
        library.names = library.undeclared();
        Ok(library)
    }

    fn compile(&mut self) {
        let parts = self.parts.iter();
        let parts: Vec<(String, String)> = parts
            .map(|part| (part.name.clone(), part.text.to_string()))
            .collect();
        for (name, text) in parts {
            if let Err(error) = self.environment.add_template_owned(name, text) {
                let fault = self.fault(&error);
                self.broken.push(fault);
            }
        }
    }

    /// What does not read, and what is included and not there: rendering may come much later.
    pub(crate) fn check(&self) -> Vec<Fault> {
        let mut faults = self.broken.clone();
        for part in &self.parts {
            for name in includes(&part.text) {
                if let Some((_, why)) = self.unread.iter().find(|(unread, _)| *unread == name) {
                    let offset = part.text.find(&name).unwrap_or(0);
                    let fault = Fault::says(format!("`{name}` cannot be read: {why}"));
                    faults.push(fault.at(part.span(offset..offset + name.len())));
                    continue;
                }
                if !self.parts.iter().any(|part| part.name == name)
                    && !part.text.contains("ignore missing")
                {
                    let offset = part.text.find(&name).unwrap_or(0);
                    let fault = Fault::says(format!(
                        "there is no file `{name}` beside the template"
                    ))
                    .help("a template may include files of its own folder, or of folders below");
                    faults.push(fault.at(part.span(offset..offset + name.len())));
                }
            }
        }
        faults
    }

    /// The names that the template and what it includes take from outside.
    pub(crate) fn names(&self) -> &[(Vec<String>, Span)] {
        &self.names
    }

    fn undeclared(&self) -> Vec<(Vec<String>, Span)> {
        let mut found = Vec::new();
        for part in &self.parts {
            // What does not read is told by `check`.
            let Ok(template) = self.environment.get_template(&part.name) else {
                continue;
            };
            let mut names: Vec<_> = template.undeclared_variables(true).into_iter().collect();
            names.sort();
            for name in names {
                let offset = part.text.find(&name).unwrap_or(0);
                found.push((
                    name.split('.').map(str::to_owned).collect(),
                    part.span(offset..offset + name.len()),
                ));
            }
        }
        found
    }

    /// Whether one part sets names that another may use.
    pub(crate) fn sets_names(&self) -> bool {
        self.parts
            .iter()
            .any(|part| part.text.contains("{% set") || part.text.contains("{% for"))
    }

    /// The text.
    pub(crate) fn render(&self, context: Value) -> Result<String, Fault> {
        if let Some(fault) = self.broken.first() {
            return Err(fault.clone());
        }
        let rendered = self
            .environment
            .get_template(&self.main)
            .and_then(|template| {
                let mut out = Bounded::default();
                template.render_captured_to(context, &mut out)?;
                Ok(out.text)
            });
        rendered.map_err(|error| self.fault(&error))
    }

    /// An error in the file in which it happened.
    fn fault(&self, error: &minijinja::Error) -> Fault {
        let inner = std::error::Error::source(error)
            .and_then(|source| source.downcast_ref::<minijinja::Error>());
        if let Some(inner) = inner {
            return self.fault(inner);
        }
        let fault = expression::words(error);
        let part = self
            .parts
            .iter()
            .find(|part| Some(part.name.as_str()) == error.name());
        match (part, error.range()) {
            (Some(part), Some(range)) => fault.at(part.span(range)),
            (Some(part), None) => fault.at(part.line(error.line().unwrap_or(1))),
            _ => fault,
        }
    }
}

impl Part {
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        let shift = |offset: usize| self.start.start + u32::try_from(offset).unwrap_or(0);
        Span {
            start: shift(range.start),
            end: shift(range.end),
        }
    }

    fn line(&self, line: usize) -> Span {
        let start = self
            .text
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum::<usize>();
        let length = self.text[start..].lines().next().map_or(0, str::len);
        self.span(start..start + length)
    }
}

/// What a template may become.
#[derive(Default)]
struct Bounded {
    text: String,
}

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let more = std::str::from_utf8(bytes).map_err(std::io::Error::other)?;
        if self.text.len() + more.len() > bounds::TEXT {
            return Err(std::io::Error::other(bounds::too_long()));
        }
        self.text.push_str(more);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The names of the files that a template includes.
fn includes(text: &str) -> Vec<String> {
    let blocks = text
        .split("{%")
        .skip(1)
        .filter_map(|block| block.split("%}").next());
    let names = blocks.filter_map(|block| {
        let rest = block.trim_start_matches(['-', '+']).trim_start();
        let rest = ["include", "import", "from", "extends"]
            .iter()
            .find_map(|word| rest.strip_prefix(word))?;
        let quote = rest
            .trim_start()
            .chars()
            .next()
            .filter(|c| *c == '"' || *c == '\'')?;
        rest.split(quote).nth(1).map(str::to_owned)
    });
    names.collect()
}
