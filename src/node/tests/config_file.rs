//! `CONFIG REWRITE` of a node whose file is written when the test says so.

use super::*;

impl Rig {
    /// A rig that was started with a configuration file.
    fn with_config_file() -> Self {
        let mut rig = Self::new();
        rig.node.engine.host_mut().config_file = "/a.conf".to_string();
        rig
    }
}

#[test]
fn a_server_without_a_file_says_so_at_once() {
    let mut rig = Rig::new();
    let id = rig.accept();
    assert_eq!(
        rig.talk(id, "CONFIG REWRITE\r\n"),
        "-ERR The server is running without a config file;"
    );
    assert!(rig.node.take_config_rewriting().is_none());
}

#[test]
fn a_client_waits_for_its_file_and_nobody_else_does() {
    let mut rig = Rig::with_config_file();
    let (id, other) = (rig.accept(), rig.accept());
    let requests = "CONFIG SET timeout 9\r\nCONFIG REWRITE\r\nPING\r\n";
    assert_eq!(rig.talk(id, requests), "+OK;");
    assert_eq!(rig.talk(other, "PING\r\n"), "+PONG;");
    let config = rig.node.take_config_rewriting().expect("it was asked for");
    assert_eq!(config.timeout_seconds, 9);
    assert!(rig.node.take_config_rewriting().is_none());
    rig.node.config_rewritten(Ok(()));
    while rig.turn() > 0 {}
    assert_eq!(rig.take(id), "+OK;+PONG;");
}

#[test]
fn clients_are_answered_in_their_order_and_who_left_is_passed_over() {
    let mut rig = Rig::with_config_file();
    let ids = [rig.accept(), rig.accept(), rig.accept()];
    for id in ids {
        assert_eq!(rig.talk(id, "CONFIG REWRITE\r\n"), "");
        assert!(rig.node.take_config_rewriting().is_some());
    }
    rig.node.closed(ids[0]);
    let newcomer = rig.accept();
    rig.node.config_rewritten(Ok(()));
    rig.node
        .config_rewritten(Err("the disk is\r\nfull".to_string()));
    rig.node.config_rewritten(Ok(()));
    // A report too many reaches nobody.
    rig.node.config_rewritten(Ok(()));
    while rig.turn() > 0 {}
    assert_eq!(rig.take(newcomer), "");
    assert_eq!(
        rig.take(ids[1]),
        "-ERR Rewriting config file: the disk is  full;"
    );
    assert_eq!(rig.take(ids[2]), "+OK;");
}
