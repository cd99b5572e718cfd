//! How requests spell areas, and what is wanted of the places inside.
//!
//! ```text
//!  GEOSEARCH   FROMMEMBER member | FROMLONLAT lon lat   BYRADIUS r unit | BYBOX w h unit   options
//!  GEORADIUS   lon lat r unit options     GEORADIUSBYMEMBER   member r unit options
//!  options     ASC | DESC   COUNT n [ANY]   WITHCOORD WITHDIST WITHHASH
//!              STORE key | STOREDIST [key]
//! ```
//!
//! Not here: what is done with them (`search.rs`).

use super::{parse_position, parse_unit};
use crate::base::numbers::{parse_f64, parse_i64};
use crate::command::long_work::places::PlaceForm;
use crate::keyspace::Memory;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::geo::area::{Area, Shape};
use crate::value::geo::position::Position;
use crate::value::geo::search::{Order, Wanted};
use crate::value::sorted_set::SortedSetRef;

const NO_MEMBER: ReplyError = ReplyError::fixed("ERR could not decode requested zset member");
const NEGATIVE_RADIUS: ReplyError = ReplyError::fixed("ERR radius cannot be negative");
const NEGATIVE_BOX: ReplyError = ReplyError::fixed("ERR height or width cannot be negative");
const RADIUS: ReplyError = ReplyError::fixed("ERR need numeric radius");
const WIDTH: ReplyError = ReplyError::fixed("ERR need numeric width");
const HEIGHT: ReplyError = ReplyError::fixed("ERR need numeric height");
const COUNT: ReplyError = ReplyError::fixed("ERR COUNT must be > 0");
const ANY_WITHOUT_COUNT: ReplyError =
    ReplyError::fixed("ERR the ANY argument requires COUNT argument");

/// Which of the commands asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// GEORADIUS, and whether it may store.
    Radius {
        /// Whether STORE is one of its options.
        may_store: bool,
    },
    /// GEORADIUSBYMEMBER, and whether it may store.
    RadiusByMember {
        /// Whether STORE is one of its options.
        may_store: bool,
    },
    /// GEOSEARCH.
    Search,
    /// GEOSEARCHSTORE.
    SearchStore,
}

impl Form {
    fn may_name_target(self) -> bool {
        match self {
            Self::Radius { may_store } | Self::RadiusByMember { may_store } => may_store,
            Self::Search | Self::SearchStore => false,
        }
    }

    fn is_search(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }
}

/// What a request asks for.
#[derive(Debug)]
pub(super) struct Request {
    /// The area, if there is a set to take its middle from.
    pub(super) area: Option<Area>,
    /// In which order.
    pub(super) order: Order,
    /// How many.
    pub(super) wanted: Wanted,
    /// What is told of each.
    pub(super) form: PlaceForm,
    /// The argument that names the key to be stored in.
    pub(super) target: Option<usize>,
    /// Whether distances are stored.
    pub(super) stores_distances: bool,
}

/// What is known of a request while it is read.
struct Parser<'a> {
    args: Args<'a>,
    form: Form,
    set: Option<SortedSetRef<'a, Memory>>,
    index: usize,
    center: Option<Position>,
    has_member: bool,
    has_position: bool,
    shape: Option<(Shape, f64)>,
    order: Order,
    count: Option<u64>,
    takes_any: bool,
    told: PlaceForm,
    target: Option<usize>,
    stores_distances: bool,
}

impl Request {
    /// Reads a request about a set, or about none.
    ///
    /// # Errors
    /// What is wrong with it, in Redis's words and order.
    pub(super) fn read<'a>(
        args: Args<'a>,
        form: Form,
        set: Option<SortedSetRef<'a, Memory>>,
    ) -> Result<Self, ReplyError> {
        let mut parser = Parser::new(args, form, set);
        parser.read_beginning()?;
        while parser.index < args.len() {
            parser.read_option()?;
        }
        parser.end()
    }
}

impl<'a> Parser<'a> {
    fn new(args: Args<'a>, form: Form, set: Option<SortedSetRef<'a, Memory>>) -> Self {
        Self {
            args,
            form,
            set,
            index: 2,
            center: None,
            has_member: false,
            has_position: false,
            shape: None,
            order: Order::Any,
            count: None,
            takes_any: false,
            told: PlaceForm {
                has_distance: false,
                has_score: false,
                has_position: false,
                unit_m: 1.0,
            },
            target: None,
            stores_distances: false,
        }
    }

    /// Reads what stands at fixed places.
    fn read_beginning(&mut self) -> Result<(), ReplyError> {
        let args = self.args;
        match self.form {
            Form::Radius { .. } => {
                self.center = Some(parse_position(args.get(2), args.get(3))?);
                self.shape = Some(parse_circle(args.get(4), args.get(5))?);
                self.index = 6;
            }
            Form::RadiusByMember { .. } => {
                // Without a set Redis does not look at the radius.
                if self.set.is_some() {
                    self.center = Some(self.place_of(args.get(2))?);
                    self.shape = Some(parse_circle(args.get(3), args.get(4))?);
                }
                self.index = 5;
            }
            Form::Search => {}
            Form::SearchStore => {
                self.target = Some(1);
                self.index = 3;
            }
        }
        Ok(())
    }

    fn place_of(&self, member: &[u8]) -> Result<Position, ReplyError> {
        let score = self.set.as_ref().and_then(|set| set.score(member));
        score.map(Position::of_score).ok_or(NO_MEMBER)
    }

    /// Reads the next option.
    fn read_option(&mut self) -> Result<(), ReplyError> {
        let name = self.args.get(self.index);
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        let left = self.args.len() - self.index - 1;
        let (form, at) = (self.form, self.index + 1);
        let mut taken = 0;
        if is(b"withdist") {
            self.told.has_distance = true;
        } else if is(b"withhash") {
            self.told.has_score = true;
        } else if is(b"withcoord") {
            self.told.has_position = true;
        } else if is(b"any") {
            self.takes_any = true;
        } else if is(b"asc") {
            self.order = Order::Nearest;
        } else if is(b"desc") {
            self.order = Order::Furthest;
        } else if is(b"count") && left >= 1 {
            let count = parse_i64(self.args.get(at)).ok_or(ReplyError::NOT_INTEGER)?;
            let count = u64::try_from(count).ok().filter(|&count| count > 0);
            self.count = Some(count.ok_or(COUNT)?);
            taken = 1;
        } else if (is(b"store") || is(b"storedist")) && left >= 1 && form.may_name_target() {
            self.target = Some(at);
            self.stores_distances = is(b"storedist");
            taken = 1;
        } else if is(b"storedist") && form == Form::SearchStore {
            self.stores_distances = true;
        } else if form.is_search() {
            taken = self.read_area(name, left)?;
        } else {
            return Err(ReplyError::SYNTAX);
        }
        self.index += 1 + taken;
        Ok(())
    }

    /// Reads a part of an area; how many arguments it takes.
    fn read_area(&mut self, name: &[u8], left: usize) -> Result<usize, ReplyError> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        let args = self.args.skip(self.index + 1);
        let is_circle = matches!(self.shape, Some((Shape::Circle { .. }, _)));
        let is_box = matches!(self.shape, Some((Shape::Box { .. }, _)));
        if is(b"frommember") && left >= 1 && !self.has_position {
            if self.set.is_some() {
                self.center = Some(self.place_of(args.get(0))?);
            }
            self.has_member = true;
            Ok(1)
        } else if is(b"fromlonlat") && left >= 2 && !self.has_member {
            self.center = Some(parse_position(args.get(0), args.get(1))?);
            self.has_position = true;
            Ok(2)
        } else if is(b"byradius") && left >= 2 && !is_box {
            self.shape = Some(parse_circle(args.get(0), args.get(1))?);
            Ok(2)
        } else if is(b"bybox") && left >= 3 && !is_circle {
            self.shape = Some(parse_box(args)?);
            Ok(3)
        } else {
            Err(ReplyError::SYNTAX)
        }
    }

    /// Checks what belongs together.
    fn end(self) -> Result<Request, ReplyError> {
        let mut told = self.told;
        if self.target.is_some() && (told.has_distance || told.has_score || told.has_position) {
            let name = match self.form {
                Form::SearchStore => "GEOSEARCHSTORE",
                Form::Radius { .. } | Form::RadiusByMember { .. } | Form::Search => {
                    "STORE option in GEORADIUS"
                }
            };
            return Err(ReplyError::new(format!(
                "ERR {name} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        if self.form.is_search() {
            if !(self.has_member || self.has_position) {
                return Err(self.missing("FROMMEMBER or FROMLONLAT"));
            }
            if self.shape.is_none() {
                return Err(self.missing("BYRADIUS and BYBOX"));
            }
        }
        if self.takes_any && self.count.is_none() {
            return Err(ANY_WITHOUT_COUNT);
        }
        let (order, wanted) = match (self.order, self.count) {
            (order, None) => (order, Wanted::All),
            (order, Some(count)) if self.takes_any => (order, Wanted::Any(count)),
            (Order::Any, Some(count)) => (Order::Nearest, Wanted::First(count)),
            (order, Some(count)) => (order, Wanted::First(count)),
        };
        if let Some((_, unit_m)) = self.shape {
            told.unit_m = unit_m;
        }
        let area = self.center.zip(self.shape);
        Ok(Request {
            area: area.map(|(center, (shape, unit_m))| Area {
                center,
                shape,
                unit_m,
            }),
            order,
            wanted,
            form: told,
            target: self.target,
            stores_distances: self.stores_distances,
        })
    }

    fn missing(&self, what: &str) -> ReplyError {
        let beginning = format!("ERR exactly one of {what} can be specified for ");
        ReplyError::from_bytes([beginning.as_bytes(), self.args.get(0)].concat())
    }
}

/// A circle, and metres of its unit.
fn parse_circle(radius: &[u8], unit: &[u8]) -> Result<(Shape, f64), ReplyError> {
    let radius = parse_f64(radius).ok_or(RADIUS)?;
    if radius < 0.0 {
        return Err(NEGATIVE_RADIUS);
    }
    Ok((Shape::Circle { radius }, parse_unit(unit)?))
}

/// A box, and metres of its unit.
fn parse_box(words: Args<'_>) -> Result<(Shape, f64), ReplyError> {
    let width = parse_f64(words.get(0)).ok_or(WIDTH)?;
    let height = parse_f64(words.get(1)).ok_or(HEIGHT)?;
    if height < 0.0 || width < 0.0 {
        return Err(NEGATIVE_BOX);
    }
    Ok((Shape::Box { width, height }, parse_unit(words.get(2))?))
}
