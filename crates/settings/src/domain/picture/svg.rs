//! SVG pictures, written anew from what was understood of them.
//!
//! An SVG is a program that a browser runs when it is opened by itself, so it is not enough to look for what is known to be
//! harmful. What comes out of here is composed of the elements and attributes listed below and nothing else; what an editor leaves
//! in a file for itself is dropped; what would run, load or lead somewhere refuses the picture as a whole.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

use super::PictureFlaw;

const SVG: &str = "http://www.w3.org/2000/svg";
const XLINK: &str = "http://www.w3.org/1999/xlink";
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Elements at most, and how deep in each other.
const MAX_ELEMENTS: usize = 10_000;
const MAX_DEPTH: usize = 64;
/// Elements at most once every `use` is drawn.
const MAX_DRAWN: usize = 50_000;
/// Attributes of one element at most: each is compared with those before it.
const MAX_ATTRIBUTES: usize = 256;
/// What XML, HTML and CSS take for white space; to Unicode's other spaces they attach no meaning.
const WHITE_SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// What a logo is made of.
#[rustfmt::skip]
const ELEMENTS: &[&str] = &[
    "svg", "g", "defs", "symbol", "use", "title", "desc", "style", "switch",
    // Shapes and text
    "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "textPath",
    // Paint
    "linearGradient", "radialGradient", "stop", "pattern", "clipPath", "mask", "marker",
    // Filters, without those that load a picture
    "filter", "feBlend", "feColorMatrix", "feComponentTransfer", "feComposite", "feConvolveMatrix",
    "feDiffuseLighting", "feDisplacementMap", "feDistantLight", "feDropShadow", "feFlood", "feFuncA", "feFuncB",
    "feFuncG", "feFuncR", "feGaussianBlur", "feMerge", "feMergeNode", "feMorphology", "feOffset", "fePointLight",
    "feSpecularLighting", "feSpotLight", "feTile", "feTurbulence",
];

/// Elements that run, load or contain a page, in whatever namespace and case somebody writes them.
#[rustfmt::skip]
const ACTIVE: &[&str] = &[
    "script", "handler", "listener", "foreignobject", "iframe", "frame", "object", "embed", "applet", "html", "body",
    "video", "audio", "animate", "animatemotion", "animatetransform", "animatecolor", "set", "discard",
];

/// Elements that show or lead to something elsewhere.
const EXTERNAL: &[&str] = &[
    "image",
    "feimage",
    "img",
    "a",
    "cursor",
    "color-profile",
    "font-face-uri",
    "tref",
];

/// Elements whose text is kept.
const WITH_TEXT: &[&str] = &["title", "desc", "style", "text", "tspan", "textPath"];

/// Attributes without a namespace that are kept. None of them can run anything, and those that can refer to something are
/// looked at.
#[rustfmt::skip]
const ATTRIBUTES: &[&str] = &[
    // Structure
    "id", "class", "style", "role", "lang", "version", "viewBox", "preserveAspectRatio", "transform", "href", "media",
    "type", "requiredFeatures", "systemLanguage", "aria-label", "aria-labelledby", "aria-hidden", "focusable",
    // Geometry
    "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "fr", "d", "points", "width", "height",
    "dx", "dy", "rotate", "textLength", "lengthAdjust", "startOffset", "method", "spacing", "side", "pathLength",
    // Presentation
    "alignment-baseline", "baseline-shift", "clip", "clip-path", "clip-rule", "color", "color-interpolation",
    "color-interpolation-filters", "color-rendering", "direction", "display", "dominant-baseline",
    "enable-background", "fill", "fill-opacity", "fill-rule", "filter", "flood-color", "flood-opacity", "font-family",
    "font-size", "font-size-adjust", "font-stretch", "font-style", "font-variant", "font-weight",
    "glyph-orientation-horizontal", "glyph-orientation-vertical", "image-rendering", "isolation", "kerning",
    "letter-spacing", "lighting-color", "marker-end", "marker-mid", "marker-start", "mask", "mask-type",
    "mix-blend-mode", "opacity", "overflow", "paint-order", "pointer-events", "shape-rendering", "stop-color",
    "stop-opacity", "stroke", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap", "stroke-linejoin",
    "stroke-miterlimit", "stroke-opacity", "stroke-width", "text-anchor", "text-decoration", "text-rendering",
    "unicode-bidi", "vector-effect", "visibility", "white-space", "word-spacing", "writing-mode",
    // Gradients, patterns, clips, masks, markers
    "gradientTransform", "gradientUnits", "spreadMethod", "offset", "patternContentUnits", "patternTransform",
    "patternUnits", "clipPathUnits", "maskContentUnits", "maskUnits", "markerHeight", "markerUnits", "markerWidth",
    "orient", "refX", "refY",
    // Filters
    "filterUnits", "primitiveUnits", "in", "in2", "result", "mode", "values", "operator", "k1", "k2", "k3", "k4",
    "order", "kernelMatrix", "divisor", "bias", "targetX", "targetY", "edgeMode", "preserveAlpha", "surfaceScale",
    "diffuseConstant", "specularConstant", "specularExponent", "kernelUnitLength", "scale", "xChannelSelector",
    "yChannelSelector", "azimuth", "elevation", "z", "pointsAtX", "pointsAtY", "pointsAtZ", "limitingConeAngle",
    "radius", "stdDeviation", "tableValues", "slope", "intercept", "amplitude", "exponent", "baseFrequency",
    "numOctaves", "seed", "stitchTiles",
];

/// The picture as it is served.
///
/// # Errors
/// [`PictureFlaw`].
pub(super) fn sanitized(bytes: &[u8]) -> Result<String, PictureFlaw> {
    let text = std::str::from_utf8(bytes).map_err(|_| PictureFlaw::NotAnImage)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.chars().all(is_xml) {
        return Err(PictureFlaw::NotAnImage);
    }
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut picture = Writing::default();
    loop {
        let event = reader.read_event().map_err(|_| PictureFlaw::NotAnImage)?;
        match event {
            Event::Start(tag) => picture.open(&reader, &tag)?,
            Event::Empty(tag) => {
                picture.open(&reader, &tag)?;
                picture.close()?;
            }
            Event::End(_) => picture.close()?,
            Event::Text(text) => picture.text(&text.into_inner())?,
            Event::CData(text) => picture.text(&text.into_inner())?,
            Event::GeneralRef(reference) => picture.text(character(&reference)?.encode_utf8(&mut [0; 4]))?,
            Event::DocType(declaration) => picture.doctype(&declaration)?,
            Event::Decl(declaration) => {
                let encoding = declaration
                    .encoding()
                    .transpose()
                    .map_err(|_| PictureFlaw::NotAnImage)?;
                if encoding.is_some_and(|name| !name.eq_ignore_ascii_case("utf-8")) {
                    return Err(PictureFlaw::NotAnImage);
                }
            }
            // A style sheet is linked this way.
            Event::PI(_) => return Err(PictureFlaw::ExternalReference),
            Event::Comment(_) => {}
            Event::Eof => return picture.finish(),
        }
    }
}

/// What XML 1.0 takes for a character.
fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}

/// The character that a reference in text stands for.
fn character(reference: &BytesRef<'_>) -> Result<char, PictureFlaw> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| PictureFlaw::NotAnImage)? {
        return Some(character)
            .filter(|found| is_xml(*found))
            .ok_or(PictureFlaw::NotAnImage);
    }
    match &**reference {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => Err(PictureFlaw::Entity),
    }
}

/// Names and values, in their order.
type Attributes<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// An element that is open.
struct Open {
    /// Its name; none where it is dropped with all that is in it.
    name: Option<String>,
    /// The text in it, where it is a style.
    style: Option<String>,
    /// Which element it is, in the order of their beginnings.
    number: usize,
}

/// The picture as it is being written.
#[derive(Default)]
struct Writing {
    out: String,
    open: Vec<Open>,
    elements: usize,
    is_complete: bool,
    drawn: Drawn,
}

/// What is needed to tell how much there is to draw.
#[derive(Default)]
struct Drawn {
    /// From the elements with an id to where they end, once they do: all elements between belong to them.
    extent: HashMap<String, (usize, usize)>,
    ids: HashMap<usize, String>,
    /// Each `use`, and what it shows.
    uses: Vec<(usize, String)>,
}

impl Drawn {
    /// Whether drawing stays within bounds: an element that is used uses none itself, so that there is no tower of them.
    fn is_bounded(&self, elements: usize) -> bool {
        let used: HashSet<(usize, usize)> = self
            .uses
            .iter()
            .filter_map(|(_, target)| self.extent.get(target).copied())
            .collect();
        let is_tower = |(place, _): &(usize, String)| used.iter().any(|(from, to)| (from..to).contains(&place));
        let copies: usize = self
            .uses
            .iter()
            .filter_map(|(_, target)| self.extent.get(target))
            .map(|(from, to)| to - from)
            .sum();
        !self.uses.iter().any(is_tower) && elements + copies <= MAX_DRAWN
    }
}

impl Writing {
    fn open(&mut self, reader: &NsReader<&[u8]>, tag: &BytesStart<'_>) -> Result<(), PictureFlaw> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS || self.open.len() >= MAX_DEPTH {
            return Err(PictureFlaw::TooComplex);
        }
        // A second root is no XML.
        if self.is_complete && self.open.is_empty() {
            return Err(PictureFlaw::NotAnImage);
        }
        let (namespace, local) = reader.resolver().resolve_element(tag.name());
        let is_svg = namespace == ResolveResult::Bound(Namespace(SVG));
        let local = local.into_inner();
        refuse_element(local)?;
        let attributes = attributes(reader, tag)?;
        let is_dropped = self.open.last().is_some_and(|parent| parent.name.is_none());
        if self.open.is_empty() && !(is_svg && local == "svg") {
            return Err(PictureFlaw::NotAnImage);
        }
        if is_svg && !is_dropped && local != "metadata" {
            if !ELEMENTS.contains(&local) {
                return Err(PictureFlaw::UnknownElement);
            }
            self.write_tag(local, &attributes);
            self.open.push(Open {
                name: Some(local.to_owned()),
                style: (local == "style").then(String::new),
                number: self.elements,
            });
        } else {
            // What an editor keeps for itself.
            self.open.push(Open {
                name: None,
                style: None,
                number: self.elements,
            });
        }
        Ok(())
    }

    fn write_tag(&mut self, local: &str, attributes: &Attributes<'_>) {
        self.out.push('<');
        self.out.push_str(local);
        if self.open.is_empty() {
            for (name, namespace) in [("xmlns", SVG), ("xmlns:xlink", XLINK)] {
                write_attribute(&mut self.out, name, namespace);
            }
        }
        for (name, value) in attributes {
            match name.as_ref() {
                "id" => {
                    self.drawn.ids.insert(self.elements, value.to_string());
                }
                "href" | "xlink:href" if local == "use" => {
                    let target = local_id(value).unwrap_or_default().to_owned();
                    self.drawn.uses.push((self.elements, target));
                }
                _ => {}
            }
            write_attribute(&mut self.out, name, value);
        }
        self.out.push('>');
    }

    fn close(&mut self) -> Result<(), PictureFlaw> {
        // The reader has matched the end with its beginning.
        let element = self.open.pop().ok_or(PictureFlaw::NotAnImage)?;
        self.is_complete |= self.open.is_empty();
        if let Some(style) = element.style {
            refuse_style(&style)?;
            write_text(&mut self.out, &style);
        }
        if let Some(id) = self.drawn.ids.remove(&element.number) {
            let extent = (element.number, self.elements + 1);
            let known = self.drawn.extent.entry(id).or_insert(extent);
            // Of two elements with one id a browser takes the first: the one that began before, wherever it ends.
            *known = extent.min(*known);
        }
        if let Some(name) = element.name {
            self.out.push_str("</");
            self.out.push_str(&name);
            self.out.push('>');
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), PictureFlaw> {
        let Some(element) = self.open.last_mut() else {
            // Before and after the picture there is nothing but space.
            let is_space = text.chars().all(|character| character.is_ascii_whitespace());
            return if is_space { Ok(()) } else { Err(PictureFlaw::NotAnImage) };
        };
        match (&element.name, &mut element.style) {
            (_, Some(style)) => style.push_str(text),
            (Some(name), None) if WITH_TEXT.contains(&name.as_str()) => write_text(&mut self.out, text),
            _ => {}
        }
        Ok(())
    }

    /// Editors write the name of the standard; entities are declared between brackets.
    fn doctype(&self, declaration: &str) -> Result<(), PictureFlaw> {
        if self.is_complete || !self.open.is_empty() {
            return Err(PictureFlaw::NotAnImage);
        }
        if declaration.contains(['[', ']', '&', '%']) || declaration.to_ascii_lowercase().contains("entity") {
            return Err(PictureFlaw::Entity);
        }
        Ok(())
    }

    fn finish(self) -> Result<String, PictureFlaw> {
        if !self.is_complete || !self.open.is_empty() {
            return Err(PictureFlaw::NotAnImage);
        }
        if !self.drawn.is_bounded(self.elements) {
            return Err(PictureFlaw::TooComplex);
        }
        Ok(self.out)
    }
}

fn refuse_element(local: &str) -> Result<(), PictureFlaw> {
    let lower = local.to_ascii_lowercase();
    if ACTIVE.contains(&lower.as_str()) {
        Err(PictureFlaw::Active)
    } else if EXTERNAL.contains(&lower.as_str()) {
        Err(PictureFlaw::ExternalReference)
    } else {
        Ok(())
    }
}

/// The attributes to keep, with their values as they are meant.
fn attributes<'a>(reader: &NsReader<&[u8]>, tag: &'a BytesStart<'_>) -> Result<Attributes<'a>, PictureFlaw> {
    let mut kept: Attributes<'a> = Vec::new();
    for (number, attribute) in tag.attributes().enumerate() {
        if number >= MAX_ATTRIBUTES {
            return Err(PictureFlaw::TooComplex);
        }
        let attribute = attribute.map_err(|_| PictureFlaw::NotAnImage)?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        let local = local.into_inner();
        if local.len() > 2 && local.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("on")) {
            return Err(PictureFlaw::Active);
        }
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|_| PictureFlaw::Entity)?;
        if !value.chars().all(is_xml) {
            return Err(PictureFlaw::NotAnImage);
        }
        let is_reference = local.eq_ignore_ascii_case("href") || local.eq_ignore_ascii_case("src");
        if is_reference && !is_local(&value) {
            return Err(PictureFlaw::ExternalReference);
        }
        let name = match namespace {
            ResolveResult::Unbound if ATTRIBUTES.contains(&local) => Cow::Borrowed(local),
            ResolveResult::Bound(Namespace(XLINK)) if local == "href" => Cow::Borrowed("xlink:href"),
            ResolveResult::Bound(Namespace(XML)) if local == "base" => return Err(PictureFlaw::ExternalReference),
            ResolveResult::Bound(Namespace(XML)) if matches!(local, "space" | "lang") => {
                Cow::Owned(format!("xml:{local}"))
            }
            _ => continue,
        };
        refuse_style(&value)?;
        // The same name under two prefixes is no XML.
        if kept.iter().any(|(known, _)| *known == name) {
            return Err(PictureFlaw::NotAnImage);
        }
        kept.push((name, value));
    }
    Ok(kept)
}

/// A reference to something in the picture itself, in the words of its id: a browser decodes what is escaped in it.
fn is_local(value: &str) -> bool {
    local_id(value).is_some_and(|id| !id.is_empty() && !id.contains(['#', '%']) && !id.contains(char::is_whitespace))
}

/// The id that a reference names.
fn local_id(value: &str) -> Option<&str> {
    value.trim_matches(WHITE_SPACE).strip_prefix('#')
}

/// Refuses a style, or an attribute that may be one, which could load or run something. Everything that a browser could take for
/// a function of that kind is refused, in whatever case and however it is hidden.
fn refuse_style(style: &str) -> Result<(), PictureFlaw> {
    let lower = style.to_lowercase();
    // An escape spells another word than the one that can be read; a comment is no part of any word.
    if lower.contains(['\\', '<']) || lower.contains("/*") {
        return Err(PictureFlaw::Style);
    }
    for word in [
        "javascript:",
        "vbscript:",
        "data:",
        "expression(",
        "behavior:",
        "-moz-binding",
    ] {
        if lower.contains(word) {
            return Err(PictureFlaw::Active);
        }
    }
    for function in ["image(", "image-set(", "cross-fade(", "src(", "//"] {
        if lower.contains(function) {
            return Err(PictureFlaw::ExternalReference);
        }
    }
    for (_, rest) in lower.match_indices('@').map(|(place, _)| lower.split_at(place)) {
        if !rest.starts_with("@media") {
            return Err(PictureFlaw::ExternalReference);
        }
    }
    for (place, name) in lower.match_indices("url(") {
        let target = lower.get(place + name.len()..).unwrap_or_default();
        let target = target.trim_start_matches(WHITE_SPACE);
        if !target.strip_prefix(['"', '\'']).unwrap_or(target).starts_with('#') {
            return Err(PictureFlaw::ExternalReference);
        }
    }
    Ok(())
}

fn write_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    for character in value.chars() {
        match character {
            // They would be read as spaces.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            character => write_character(out, character),
        }
    }
    out.push('"');
}

fn write_text(out: &mut String, text: &str) {
    for character in text.chars() {
        write_character(out, character);
    }
}

fn write_character(out: &mut String, character: char) {
    match character {
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '&' => out.push_str("&amp;"),
        '"' => out.push_str("&quot;"),
        // It would be read as the end of a line.
        '\r' => out.push_str("&#13;"),
        character => out.push(character),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn around(inside: &str) -> String {
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">{inside}</svg>"#
        )
    }

    fn inspected(inside: &str) -> Result<String, PictureFlaw> {
        sanitized(around(inside).as_bytes())
    }

    #[test]
    fn a_plain_logo_stays_what_it_is() {
        let logo = r##"<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient></defs><style>.b{fill:url(#a)}@media (prefers-color-scheme:dark){.b{fill:#fff}}</style><g class="b" transform="scale(2)"><path d="M0 0h9v9z" style="opacity:.5"/><use xlink:href="#a"/><use href="#a"/></g><text x="1">R&amp;D &lt;3</text>"##;
        let written = inspected(logo).unwrap();
        let short = ["stop", "path", "use"].iter().fold(written.clone(), |short, name| {
            short.replace(&format!("></{name}>"), "/>")
        });
        assert_eq!(short, around(logo));
        assert_eq!(
            sanitized(written.as_bytes()),
            Ok(written.clone()),
            "twice is the same as once"
        );
    }

    #[test]
    fn what_an_editor_keeps_for_itself_is_dropped() {
        let file = r##"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<!-- Created with an editor -->
<svg xmlns="http://www.w3.org/2000/svg" xmlns:ink="http://www.inkscape.org/namespaces/inkscape" width="9" ink:version="1.3" data-name="Layer 1">
  <metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:li>Ana</rdf:li></rdf:RDF></metadata>
  <ink:view zoom="2"><rect/></ink:view>
  <title>Padaria</title>
  <s:rect xmlns:s="http://www.w3.org/2000/svg" width="9" height="9"/>
</svg>
"##;
        assert_eq!(
            sanitized(file.as_bytes()).unwrap(),
            "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"9\">\
             <title>Padaria</title><rect width=\"9\" height=\"9\"></rect></svg>"
        );
    }

    #[test]
    fn what_would_run_is_refused() {
        for inside in [
            "<script>alert(1)</script>",
            "<SCRIPT>alert(1)</SCRIPT>",
            "<script xlink:href=\"#a\"/>",
            "<g><script type=\"text/ecmascript\"><![CDATA[alert(1)]]></script></g>",
            "<x:script xmlns:x=\"http://www.w3.org/2000/svg\">alert(1)</x:script>",
            "<h:script xmlns:h=\"http://www.w3.org/1999/xhtml\">alert(1)</h:script>",
            "<metadata><script/></metadata>",
            "<foreignObject><p xmlns=\"http://www.w3.org/1999/xhtml\"/></foreignObject>",
            "<h:iframe xmlns:h=\"http://www.w3.org/1999/xhtml\"/>",
            "<rect onclick=\"alert(1)\"/>",
            "<rect ONLOAD=\"alert(1)\"/>",
            "<g onbegin='alert(1)'/>",
            "<ink:x xmlns:ink=\"i\" onfocus=\"alert(1)\"/>",
            "<set attributeName=\"onmouseover\" to=\"alert(1)\"/>",
            "<animate attributeName=\"href\" values=\"javascript:alert(1)\"/>",
            "<animateTransform/>",
            "<rect fill=\"javascript:alert(1)\"/>",
            "<rect style=\"width:expression(alert(1))\"/>",
            "<rect style=\"-moz-binding:url(#x)\"/>",
        ] {
            assert_eq!(inspected(inside), Err(PictureFlaw::Active), "{inside}");
        }
        let on_the_root = "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";
        assert_eq!(sanitized(on_the_root.as_bytes()), Err(PictureFlaw::Active));
    }

    #[test]
    fn what_would_load_or_lead_somewhere_is_refused() {
        for inside in [
            "<image href=\"https://evil.example/pixel.png\"/>",
            "<image href=\"data:image/png;base64,AA==\"/>",
            "<feImage href=\"#a\"/>",
            "<a href=\"https://evil.example\"><text>Win</text></a>",
            "<use href=\"https://evil.example/x.svg#a\"/>",
            "<use xlink:href=\"//evil.example/x.svg#a\"/>",
            "<use xlink:href=\"data:image/svg+xml,&lt;svg/&gt;#a\"/>",
            "<use href=\"\"/>",
            "<linearGradient xlink:href=\"other.svg#a\"/>",
            "<rect fill=\"url(https://evil.example/x#a)\"/>",
            "<rect fill=\"URL( 'http:x' )\"/>",
            "<rect style=\"fill:url(&quot;x.svg#a&quot;)\"/>",
            "<style>@import 'https://evil.example/x.css';</style>",
            "<style>@font-face{font-family:x}</style>",
            "<style>.a{fill:u<!-- -->rl(x)}</style><style>.a{background:image-set('x')}</style>",
            "<style>.a{fill:url(<![CDATA[http:x)]]>}</style>",
            "<g xml:base=\"https://evil.example/\"/>",
            // To a browser these are names of files.
            "<use href=\"\u{a0}#a\"/>",
            "<rect fill=\"url(\u{a0}#a)\"/>",
            "<rect fill=\"url(&quot;'#a)\"/>",
            "<rect fill=\"url(''#a)\"/>",
            "<?xml-stylesheet href=\"https://evil.example/x.css\"?>",
        ] {
            assert_eq!(inspected(inside), Err(PictureFlaw::ExternalReference), "{inside}");
        }
    }

    #[test]
    fn a_style_that_hides_what_it_says_is_refused() {
        for inside in [
            "<style>@\\69mport 'x';</style>",
            "<rect style=\"fill:\\75rl(x)\"/>",
            "<style>.a{fill:u/**/rl(x)}</style>",
            "<style>.a{}&lt;script&gt;</style>",
        ] {
            assert_eq!(inspected(inside), Err(PictureFlaw::Style), "{inside}");
        }
    }

    #[test]
    fn entities_are_refused() {
        let svg = around("<text>&x;</text>");
        for file in [
            format!("<!DOCTYPE svg [<!ENTITY x \"y\">]>{svg}"),
            format!("<!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>{svg}"),
            format!("<!DOCTYPE svg [<!ENTITY % x SYSTEM \"https://evil.example/x.dtd\"> %x;]>{svg}"),
            svg,
            around("<rect id=\"&x;\"/>"),
        ] {
            assert_eq!(sanitized(file.as_bytes()), Err(PictureFlaw::Entity), "{file}");
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let root = "<svg xmlns=\"http://www.w3.org/2000/svg\">";
        for file in [
            "",
            " ",
            "padaria",
            "<html><body/></html>",
            "<svg/>",
            "<svg xmlns=\"http://example.com/\"/>",
            root,
            &format!("{root}</g>"),
            &format!("{root}</svg><svg/>"),
            &format!("{root}</svg>alert(1)"),
            &format!("{root}<g></svg></g>"),
            &format!("{root}<g id=\"a\" id=\"b\"/></svg>"),
            &format!("{root}<g id=a/></svg>"),
            &format!("{root}<text>&#0;</text></svg>"),
            &format!("{root}<text>&#xffff;</text></svg>"),
            &format!("{root}\u{1}</svg>"),
            &format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{root}</svg>"),
        ] {
            let refused = sanitized(file.as_bytes()).unwrap_err();
            let expected = [PictureFlaw::NotAnImage, PictureFlaw::Active];
            assert!(expected.contains(&refused), "{file}: {refused:?}");
        }
        assert_eq!(sanitized(b"\xff\xfe<\0s\0"), Err(PictureFlaw::NotAnImage));
        assert_eq!(inspected("<gadget/>"), Err(PictureFlaw::UnknownElement));
    }

    #[test]
    fn what_is_small_to_write_and_endless_to_draw_is_refused() {
        let stack: String = (1..40).fold("<g id=\"a0\"><rect/></g>".to_owned(), |stack, number| {
            let below = number - 1;
            format!("{stack}<g id=\"a{number}\"><use href=\"#a{below}\"/><use href=\"#a{below}\"/></g>")
        });
        assert_eq!(inspected(&stack), Err(PictureFlaw::TooComplex));
        assert_eq!(
            inspected("<g id=\"a\"><use href=\"#a\"/></g>"),
            Err(PictureFlaw::TooComplex)
        );
        // However the ids are written that lead from one to the next.
        for (id, reference) in [("#a", "##a"), ("a", "#%61"), ("a", " #a\n")] {
            let nested = format!("<g id=\"{id}\"><use href=\"#b\"/></g><g id=\"b\"/><use href=\"{reference}\"/>");
            assert!(inspected(&nested).is_err(), "{nested}");
        }
        // Of what is inside of another of the same name nothing is drawn.
        assert_eq!(
            inspected("<g id=\"a\"><g id=\"a\"/><use href=\"#b\"/></g><g id=\"b\"/><use href=\"#a\"/>"),
            Err(PictureFlaw::TooComplex)
        );
        let many = format!(
            "<g id=\"a\">{}</g>{}",
            "<rect/>".repeat(500),
            "<use href=\"#a\"/>".repeat(500)
        );
        assert_eq!(inspected(&many), Err(PictureFlaw::TooComplex));
        assert_eq!(inspected(&"<g>".repeat(100_000)), Err(PictureFlaw::TooComplex));
        assert_eq!(inspected(&"<g/>".repeat(MAX_ELEMENTS)), Err(PictureFlaw::TooComplex));
        assert!(inspected(&"<g/>".repeat(MAX_ELEMENTS - 1)).is_ok());
        let attributes = |count: usize| (0..count).map(|number| format!(" a{number}=\"\"")).collect::<String>();
        assert!(inspected(&format!("<g{}/>", attributes(MAX_ATTRIBUTES))).is_ok());
        assert_eq!(
            inspected(&format!("<g{}/>", attributes(MAX_ATTRIBUTES + 1))),
            Err(PictureFlaw::TooComplex)
        );
    }

    #[test]
    fn what_is_written_reads_as_it_was_meant() {
        let written = inspected("<text x=\"1&#9;2&#10;3&#13;4\n5\">a\tb\nc</text>").unwrap();
        assert!(
            written.contains("<text x=\"1&#9;2&#10;3&#13;4 5\">a\tb\nc</text>"),
            "{written}"
        );
        assert_eq!(sanitized(written.as_bytes()), Ok(written));
        // Two names that are one.
        let twice = "<use xmlns:a=\"http://www.w3.org/1999/xlink\" a:href=\"#a\" xlink:href=\"#b\"/>";
        assert_eq!(inspected(twice), Err(PictureFlaw::NotAnImage));
    }

    #[test]
    fn text_comes_back_as_text() {
        let written = inspected("<title>a &lt;script&gt; &quot; &#x41;<![CDATA[<b>]]></title><desc>é</desc>").unwrap();
        assert!(
            written.contains("<title>a &lt;script&gt; &quot; A&lt;b&gt;</title><desc>é</desc>"),
            "{written}"
        );
    }

    /// Pieces that pictures and attacks are made of.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "<g>",
            "</g>",
            "<g id=\"a\">",
            "<use href=\"#a\"/>",
            "<script>",
            "</script>",
            "<style>",
            "</style>",
            "<text>",
            "</text>",
            "<![CDATA[",
            "]]>",
            "<!--",
            "-->",
            "&lt;",
            "&#60;",
            "&x;",
            "onload=\"x\"",
            "<path ",
            "/>",
            ">",
            "d=\"M0\"",
            "style=\"",
            "url(#a)",
            "url(http:x)",
            "@import",
            "\"",
            "'",
            "javascript:",
            "<x:g xmlns:x=\"http://www.w3.org/2000/svg\">",
            "</x:g>",
            "<metadata>",
            "</metadata>",
            "alert(1)",
            " ",
            "\n",
            "é",
            "<!DOCTYPE svg>",
            "<?xml?>",
            "<foreignObject/>",
        ]);
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn what_is_let_through_is_harmless_and_stays_so(inside in pieces()) {
            if let Ok(written) = inspected(&inside) {
                prop_assert_eq!(sanitized(written.as_bytes()), Ok(written.clone()));
                let mut reader = NsReader::from_str(&written);
                loop {
                    match reader.read_event() {
                        Ok(Event::Start(tag)) => {
                            prop_assert!(ELEMENTS.contains(&tag.name().into_inner()), "{written}");
                            for attribute in tag.attributes() {
                                let name = attribute.unwrap().key.into_inner();
                                prop_assert!(
                                    ATTRIBUTES.contains(&name) || ["xmlns", "xmlns:xlink"].contains(&name),
                                    "{written}"
                                );
                            }
                        }
                        Ok(Event::Eof) => break,
                        Ok(Event::End(_) | Event::Text(_) | Event::GeneralRef(_)) => {}
                        other => prop_assert!(false, "{other:?} in {written}"),
                    }
                }
            }
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = sanitized(&bytes);
        }
    }
}
