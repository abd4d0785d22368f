//! A configuration that is taken up while campaigns run.

use std::sync::Arc;

use super::ControlLoop;
use crate::{
    config::Config,
    controller::{PBX, gate, worker::DropWorker},
    orders::Spec,
};

impl ControlLoop {
    /// Takes up what a running controller takes up of a new configuration. What was decided before goes on as decided.
    pub(super) fn reconfigure(&mut self, new: &Config) {
        let before = &self.worker.config;
        let config = before.with_live_part_of(new);
        let changes = before.change_to(&config).live;
        if changes.is_empty() {
            return;
        }
        let of = |section: &str| changes.iter().any(|key| key.starts_with(section));
        let (rules_change, trunk_changes) = (of("gate."), of("trunk."));
        let now = self.store_io.now();
        if trunk_changes {
            self.engine.set_pbx(PBX, &config.trunk, now);
            self.in_flight.set_trunk_rate(config.trunk.rate);
            self.store_io
                .set_limits(config.trunk.rate, config.trunk.in_flight);
        }
        self.worker = Arc::new(DropWorker {
            config: config.clone(),
            ..(*self.worker).clone()
        });
        if rules_change {
            gate::warn_of_what_is_off(&config.gate);
            self.engine.gate_mut().set_settings(config.gate.clone());
            let rules = self.engine.gate_mut().rules().clone();
            self.store_io.set_rules(rules);
            // What was held by the rules of before is asked about again.
            for campaign in self.campaigns.iter() {
                if let Ok(spec) = Spec::from_json(&campaign.row.spec) {
                    let rules = gate::rules_digest(&config.gate, &spec);
                    self.store_io.look_again(campaign.row.id, rules);
                }
            }
        }
        self.settings.send_replace(config);
        let words = format!("taken up of the configuration: {}", changes.join(", "));
        self.reporter.note(None, words);
        self.reporter.changed();
    }
}
