//! Rules and what they come to, with a catalogue of a few commands.

use super::*;
use crate::base::command_id::CommandId;
use crate::config::UserLine;

/// `get set config config|get config|set select`
struct Few;

const NAMES: [&str; 6] = ["get", "set", "config", "config|get", "config|set", "select"];

fn id(name: &str) -> CommandId {
    let place = NAMES.iter().position(|known| *known == name);
    CommandId::new(place.expect("a name of the list"))
}

impl Catalogue for Few {
    fn command_count(&self) -> usize {
        NAMES.len()
    }

    fn find(&self, name: &[u8]) -> Option<CommandId> {
        let name = str::from_utf8(name).ok()?.to_lowercase();
        let is_known = !name.contains('|') && NAMES.contains(&&name[..]);
        is_known.then(|| id(&name))
    }

    fn find_subcommand(&self, container: CommandId, name: &[u8]) -> Option<CommandId> {
        let name = str::from_utf8(name).ok()?.to_lowercase();
        let full = format!("{}|{name}", NAMES[container.index()]);
        NAMES.contains(&&full[..]).then(|| id(&full))
    }

    fn subcommands(&self, command: CommandId) -> Vec<CommandId> {
        match NAMES[command.index()] {
            "config" => vec![id("config|get"), id("config|set")],
            _ => Vec::new(),
        }
    }

    fn in_category(&self, category: &[u8]) -> Option<Vec<CommandId>> {
        match category.to_ascii_lowercase().as_slice() {
            b"read" => Some(vec![id("get")]),
            b"admin" => Some(vec![id("config|get"), id("config|set")]),
            _ => None,
        }
    }
}

fn user(rules: &str) -> User {
    let mut user = User::new(false);
    let words = joined_selectors(rules.split(' ').map(str::as_bytes)).expect("closed brackets");
    for rule in words {
        user.apply(&rule, false, &Few).expect("a rule");
    }
    user
}

fn fault(earlier: &str, rule: &str) -> RuleError {
    let mut user = user(earlier);
    let before = user.clone();
    let error = user.apply(rule.as_bytes(), false, &Few).unwrap_err();
    assert_eq!(user, before, "a refused rule changes nothing");
    error
}

fn text(user: &User) -> String {
    String::from_utf8(user.text()).expect("no other bytes in it")
}

/// Which of the commands the first selector allows.
fn allowed(rules: &str) -> String {
    let user = user(rules);
    let names = NAMES.iter().copied();
    let allowed = names.filter(|name| user.selectors()[0].allows_command(id(name), None));
    allowed.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_last_rule_about_a_command_decides() {
    assert_eq!(allowed("on"), "");
    assert_eq!(allowed("+get"), "get");
    assert_eq!(allowed("+@read +SET -get"), "set");
    assert_eq!(allowed("+config"), "config config|get config|set");
    assert_eq!(allowed("+config -config|set"), "config config|get");
    assert_eq!(allowed("+@all -@admin"), "get set config select");
    assert_eq!(allowed("allcommands -get +@read"), NAMES.join(" "));
    assert_eq!(allowed("+@all -@all +config|get"), "config|get");
}

#[test]
fn a_first_argument_allows_a_command_that_is_not() {
    let user = user("+select|0 +select|ABC");
    let root = &user.selectors()[0];
    assert!(root.allows_command(id("select"), Some(b"0")));
    assert!(root.allows_command(id("select"), Some(b"aBc")));
    assert!(!root.allows_command(id("select"), Some(b"1")));
    assert!(!root.allows_command(id("select"), None));
    assert!(!root.allows_command(id("get"), Some(b"0")));
    assert!(text(&user).ends_with("-@all +select|0 +select|abc"));
}

#[test]
fn the_text_of_a_user_makes_the_same_user() {
    for (rules, expected) in [
        ("on", "on sanitize-payload resetchannels -@all"),
        (
            "on nopass ~* &* +@all",
            "on nopass sanitize-payload ~* &* +@all",
        ),
        (
            "+get +@read -get +GET ~a %R~b %W~b %RW~c",
            "off sanitize-payload ~a ~b ~c resetchannels -@all +@read +get",
        ),
        (
            "+@all -config|get -config ~x &news.* &news.*",
            "off sanitize-payload ~x resetchannels &news.* +@all -config",
        ),
        (
            "on +get (+set %R~a) (~* &* +@all -get)",
            "on sanitize-payload resetchannels -@all +get (%R~a resetchannels -@all +set) \
             (~* &* +@all -get)",
        ),
    ] {
        let made = user(rules);
        assert_eq!(text(&made), expected);
        assert_eq!(user(&text(&made)), made);
    }
}

/// Defect: rules whose text reads as something else were taken, and bytes that are no text were
/// replaced. Effect: the server refused the file of users that it had written itself. Fix: what
/// can't be read again is refused, and bytes stay what they are.
#[test]
fn what_is_taken_can_be_read_again() {
    let made = user("%RW~* on");
    assert_eq!(text(&made), "on sanitize-payload ~* resetchannels -@all");
    assert_eq!(fault("%R~* %W~*", "~a"), RuleError::KeysAfterAll);
    for rule in [
        "(~x) +get)",
        "(~x))",
        "(+select|a))",
        "+select|a b",
        "+select|\0",
    ] {
        assert_eq!(fault("on", rule), RuleError::Syntax, "{rule}");
    }
    let mut made = user("on");
    made.apply(b"~\xff", false, &Few)
        .expect("any bytes but spaces");
    made.apply(b"(&\xfe)", false, &Few).expect("here, too");
    let expected = b"on sanitize-payload ~\xff resetchannels -@all (resetchannels &\xfe -@all)";
    assert_eq!(made.text(), expected);
}

#[test]
fn keys_and_channels_go_by_their_patterns() {
    let made = user("%R~in:* %W~out:* ~both:? &news.*");
    let root = &made.selectors()[0];
    let (read, write) = (true, true);
    let may = |key: &str, reads, writes| root.allows_key(key.as_bytes(), KeyUse { reads, writes });
    assert!(may("in:1", read, false) && !may("in:1", false, write) && !may("in:1", read, write));
    assert!(may("out:1", false, write) && !may("out:1", read, false));
    assert!(may("both:1", read, write) && !may("both:12", read, false));
    assert!(may("in:1", false, false) && may("out:1", false, false) && !may("x", false, false));
    assert!(root.allows_channel(b"news.tech", false) && !root.allows_channel(b"old", false));
    assert!(root.allows_channel(b"news.*", true) && !root.allows_channel(b"news.a*", true));
}

#[test]
fn rules_that_are_none_say_why_and_change_nothing() {
    use RuleError::*;
    for (earlier, rule, expected) in [
        ("on", "+nothing", UnknownCommand),
        ("on", "-nothing", UnknownCommand),
        ("on", "+@nothing", UnknownCommand),
        ("on", "+config|nothing", UnknownCommand),
        ("on", "-select|0", UnknownCommand),
        ("on", "+config|get|x", ArgumentOfSubcommand),
        ("on", "+select|", Syntax),
        ("on", "what", Syntax),
        ("on", "", Syntax),
        ("on", "%~a", Syntax),
        ("on", "%X~a", Syntax),
        ("on", "%RR~a", Syntax),
        ("on", "%R", Syntax),
        ("on", "~a b", Syntax),
        ("on", "(+get", Syntax),
        ("on", "(on)", Syntax),
        ("on", "(+get (+set))", Syntax),
        ("~*", "~a", KeysAfterAll),
        ("&*", "&a", ChannelsAfterAll),
        ("on", "<secret", UnknownPassword),
        ("on", "#12", BadDigest),
        ("on", "!12", BadDigest),
    ] {
        assert_eq!(fault(earlier, rule), expected, "{earlier} {rule}");
    }
}

#[test]
fn passwords_come_and_go() {
    let made = user("on >one >two <one");
    assert!(!made.may_enter(b"one") && made.may_enter(b"two"));
    assert!(!user("off >one").may_enter(b"one"));
    assert!(user("on nopass").may_enter(b"any") && user("on nopass").is_open());
    assert!(!user("on nopass >one").may_enter(b"any"));
    assert!(!user("on >one resetpass").may_enter(b"one"));
    let digest = Digest::of(b"one");
    assert!(user(&format!("on #{digest}")).may_enter(b"one"));
    assert!(!user(&format!("on >one !{digest}")).may_enter(b"one"));
    assert_eq!(user("on >a >a").passwords().len(), 1);
}

#[test]
fn the_default_user_stays_and_ids_are_found_by_name() {
    let mut users = Users::new(b"");
    assert!(users.are_open());
    users.follow_requirepass(b"pw");
    assert!(!users.are_open() && users.enter(b"default", b"pw") == Some(UserId::DEFAULT));
    let app = users.set(b"app", user("on >x +get"));
    assert_eq!(users.name(app), b"app");
    assert_eq!(users.enter(b"app", b"x"), Some(app));
    assert_eq!(users.enter(b"app", b"pw"), None);
    assert_eq!(users.enter(b"nobody", b"pw"), None);
    assert_eq!(users.remove(b"default"), None);
    assert_eq!(users.remove(b"app"), Some(app));
    assert_eq!(users.find(b"app"), None);
}

#[test]
fn lines_are_taken_together_or_not_at_all() {
    let line = |words: &str, number: u32| UserLine {
        words: words
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect(),
        place: format!("users.acl:{number}"),
    };
    let lines = [line("a on (+get ~x)", 1), line("b on >secret", 2)];
    let users = read_users(&lines, false, &Few).expect("two users");
    assert_eq!(users[0].1.selectors().len(), 2);
    let mut all = Users::new(b"");
    users
        .into_iter()
        .for_each(|(name, user)| _ = all.set(&name, user));
    let text = String::from_utf8(file_of_users(&all)).expect("text");
    assert!(text.starts_with(
        "user a on sanitize-payload resetchannels -@all (~x resetchannels -@all +get)\n"
    ));
    let again = lines_of_file("users.acl", text.as_bytes()).expect("lines about users");
    let again = read_users(&again, false, &Few).expect("what was written is read");
    let all = all.iter().map(|(name, user)| (name.to_vec(), user.clone()));
    assert_eq!(again, all.collect::<Vec<_>>());
    assert_eq!(
        lines_of_file("f", b"# a\n\nuser a\nusr b")
            .unwrap_err()
            .to_string(),
        "f:4 should start with user keyword followed by the username."
    );
    let faulty = [
        line("a on", 1),
        line("a off", 2),
        line("c +x >pw", 3),
        line("d (+get", 4),
        line("e #pw", 5),
    ];
    assert_eq!(
        read_users(&faulty, false, &Few).unwrap_err().to_string(),
        "users.acl:2: Duplicate user 'a' found. A user can only be defined once in config files. \
         users.acl:3: rule '+x': Unknown command or category name in ACL. \
         users.acl:4: Unmatched parenthesis in selector definition.. \
         users.acl:5: rule '#…': The provided password hash must be exactly 64 characters and \
         contain only lowercase hexadecimal characters"
    );
}
