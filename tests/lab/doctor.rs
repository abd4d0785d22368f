//! What the doctor finds is broken here on purpose, on a PBX of its own; it has to name each fault in one line, and what that
//! line says to do is done as it is printed, and has to work.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;

use crate::{
    Bench, check,
    network::{Lab, told, wait_for},
};

/// A test for each fault.
pub(crate) fn trials() -> Vec<Trial> {
    let clinic = Arc::new(Mutex::new(None));
    let rows: [(&str, Test); 27] = [
        ("http_server_off", http_server_off),
        ("a_second_general_in_ari_conf", second_general),
        ("wrong_password", wrong_password),
        ("a_user_that_may_only_read", read_only),
        ("amd_without_its_file", amd_without_its_file),
        ("a_module_of_ari_unloaded", module_of_ari),
        ("no_way_to_bring_live_audio", no_audiosocket),
        ("a_trunk_that_is_not_there", unknown_trunk),
        ("a_number_in_the_place_of_an_address", number_as_address),
        ("a_dead_trunk_that_is_asked", dead_trunk),
        ("a_dead_trunk_that_is_never_asked", dead_and_not_asked),
        ("a_trunk_not_asked_yet", not_asked_yet),
        ("a_trunk_without_an_address", no_contact),
        ("the_dialplan_not_included", not_included),
        ("amd_that_plays_to_people", playback_file),
        ("little_time_to_read_events", write_timeout),
        ("the_files_cannot_be_looked_into", no_func_config),
        ("a_folder_of_sounds_that_is_not_there", no_sounds_dir),
        (
            "a_folder_of_sounds_that_the_pbx_cannot_enter",
            closed_sounds_dir,
        ),
        ("a_message_that_the_pbx_cannot_read", unreadable_message),
        (
            "live_audio_to_an_address_without_a_listener",
            wrong_advertise,
        ),
        ("nothing_to_record_messages_by", no_recordings),
        ("few_sessions", few_sessions),
        ("a_certificate_of_an_unknown_issuer", unknown_issuer),
        (
            "a_certificate_of_an_authority_or_another_name",
            wrong_certificates,
        ),
        ("the_other_port", other_port),
        ("a_configuration_that_init_has_written", written_by_init),
    ];
    let trials = rows.into_iter().map(|(name, test)| {
        let clinic = Arc::clone(&clinic);
        Trial::test(format!("doctor::{name}"), move || {
            // One at a time: all use the same PBX.
            let mut clinic = clinic.lock().unwrap_or_else(PoisonError::into_inner);
            let clinic = match &mut *clinic {
                Some(clinic) => clinic,
                none => none.insert(Clinic::open()?),
            };
            clinic.begin()?;
            test(clinic)?;
            clinic.end();
            Ok(())
        })
    });
    trials.collect()
}

/// Breaks something, and has it mended as the doctor says.
type Test = fn(&mut Clinic) -> Result<(), Failed>;

/// A PBX to break.
struct Clinic {
    bench: Bench,
    /// Its configuration as it was installed.
    sound: PathBuf,
    /// Whether the test before this one has left it as it was.
    healthy: bool,
    /// What the program's environment sets in place of its configuration.
    environment: BTreeMap<&'static str, String>,
}

impl Clinic {
    fn open() -> Result<Self, Failed> {
        let bench = Bench::of_its_own("doctor");
        let run = bench.lab().folder();
        let sound = run.join("etc-as-installed");
        copy(&run.join("pbx/etc"), &sound)?;
        Ok(Self {
            sound,
            healthy: true,
            environment: BTreeMap::new(),
            bench,
        })
    }

    fn lab(&self) -> &Lab {
        self.bench.lab()
    }

    /// One of the lab's ports.
    fn address(&self, nth: u16) -> String {
        format!("127.0.0.1:{}", self.lab().port(nth))
    }

    fn tls_url(&self) -> String {
        format!("https://{}", self.address(TLS))
    }

    /// A file of the PBX's configuration.
    fn etc(&self, file: &str) -> PathBuf {
        self.lab().folder().join("pbx/etc").join(file)
    }

    /// The lab's folder as the PBX sees it.
    fn inside(&self) -> Result<String, Failed> {
        let facts: Value =
            serde_json::from_slice(&fs::read(self.lab().folder().join("lab.json"))?)?;
        let sounds = facts["pbx_sounds_dir"].as_str().unwrap_or_default();
        Ok(sounds
            .strip_suffix("/sounds")
            .ok_or("no folder of sounds")?
            .to_owned())
    }

    fn begin(&mut self) -> Result<(), Failed> {
        self.environment.clear();
        if !self.healthy {
            copy(&self.sound, &self.etc(""))?;
            self.lab().restart_pbx()?;
        }
        self.healthy = false;
        self.check_healthy()
    }

    fn end(&mut self) {
        self.healthy = true;
    }

    fn set(&mut self, key: &'static str, value: impl Into<String>) {
        self.environment.insert(key, value.into());
    }

    /// Changes a file of the configuration; the text has to be there.
    fn edit(&self, file: &str, from: &str, to: &str) -> Result<(), Failed> {
        let path = self.etc(file);
        let text = fs::read_to_string(&path)?;
        check!(text.contains(from), "{file} has no {from:?}");
        fs::write(path, text.replacen(from, to, 1))?;
        Ok(())
    }

    fn restore(&self, file: &str) -> Result<(), Failed> {
        fs::copy(self.sound.join(file), self.etc(file))?;
        Ok(())
    }

    fn console(&self, command: &str) -> Result<String, Failed> {
        self.lab().console("pbx", command)
    }

    /// Starts the PBX again although something is broken that the lab would wait for.
    fn restart_broken(&self) {
        let _not_ready = self.lab().restart_pbx();
    }

    fn doctor(&self) -> Result<Vec<Told>, Failed> {
        let mut program = self.lab().aftertone();
        let out = program
            .envs(&self.environment)
            .args(["doctor", "--json"])
            .output()?;
        let checks: Value = serde_json::from_slice(&out.stdout).map_err(|_| told(&out))?;
        let told = checks
            .as_array()
            .ok_or("no list of checks")?
            .iter()
            .map(Told::of);
        let told: Vec<_> = told.collect();
        let failed = told.iter().any(|told| told.status == "fail");
        check!(out.status.code() == Some(i32::from(failed)), "{checks:#}");
        Ok(told)
    }

    fn check_healthy(&self) -> Result<(), Failed> {
        // A far end that is asked needs a moment to answer.
        wait_for(Duration::from_secs(20), || {
            let told = self.doctor()?;
            let wrong: Vec<_> = told.iter().filter(|told| told.status != "ok").collect();
            check!(wrong.is_empty(), "{wrong:#?}");
            check!(told.len() >= 12, "{told:#?}");
            Ok(())
        })
    }

    /// The one line that names the fault.
    fn fault(&self, status: &str, check: &str, words: &str) -> Result<Told, Failed> {
        let told = self.doctor()?;
        let mut wrong: Vec<_> = told
            .into_iter()
            .filter(|told| told.status != "ok")
            .collect();
        check!(wrong.len() == 1, "{wrong:#?}");
        let wrong = wrong.remove(0);
        check!(wrong.status == status && wrong.check == check, "{wrong:#?}");
        check!(wrong.detail.contains(words), "{wrong:#?}");
        Ok(wrong)
    }

    /// Gives the PBX's console the commands that a remedy names, in their order.
    fn carry_out(&self, told: &Told) -> Result<(), Failed> {
        let commands: Vec<_> = told
            .quoted()
            .filter(|words| {
                ["module ", "dialplan reload", "pjsip qualify "]
                    .iter()
                    .any(|begins| words.starts_with(begins))
            })
            .collect();
        check!(!commands.is_empty(), "{told:#?}");
        for command in commands {
            let said = self.console(command)?;
            check!(!said.contains("No such command"), "{command}: {said}");
        }
        Ok(())
    }
}

/// A line of the doctor's.
#[derive(Debug)]
struct Told {
    check: String,
    status: String,
    detail: String,
    remedy: String,
}

impl Told {
    fn of(line: &Value) -> Self {
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        Self {
            check: text("check"),
            status: text("status"),
            detail: text("detail"),
            remedy: text("remedy"),
        }
    }

    /// What the remedy says between backticks.
    fn quoted(&self) -> impl Iterator<Item = &str> {
        self.remedy.split('`').skip(1).step_by(2)
    }

    fn says(&self, words: &str) -> Result<(), Failed> {
        check!(self.remedy.contains(words), "{self:#?}");
        Ok(())
    }
}

fn http_server_off(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.edit("aftertone/http.conf", "enabled = yes", "enabled = no")?;
    clinic.restart_broken();
    let told = clinic.fault("fail", "reachable", "cannot be reached")?;
    told.says("`enabled = yes`")?;
    clinic.edit("aftertone/http.conf", "enabled = no", "enabled = yes")?;
    told.says("restart it")?;
    clinic.lab().restart_pbx()?;
    clinic.check_healthy()
}

/// What the file for ari.conf looked like once.
fn second_general(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.edit("aftertone/ari.conf", "[general](+)", "[general]")?;
    clinic.restart_broken();
    let told = clinic.fault("fail", "reachable", "has no ARI")?;
    told.says("`[general](+)`")?;
    clinic.edit("aftertone/ari.conf", "[general]\n", "[general](+)\n")?;
    told.says("restart the PBX")?;
    clinic.lab().restart_pbx()?;
    clinic.check_healthy()
}

/// As Debian's package leaves it; and a sound that the PBX does not have.
fn no_recordings(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.set("AFTERTONE__INCOMING__APP", "aftertone");
    clinic.check_healthy()?;
    let folder = clinic.lab().folder().join("pbx/spool/recording");
    fs::remove_dir(&folder)?;
    let told = clinic.fault("warn", "recording", "no folder for recordings")?;
    told.says("`install -d ")?;
    fs::create_dir(&folder)?;
    clinic.set("AFTERTONE__RECORD__MENU", "no-such-sound");
    let told = clinic.fault("warn", "recording", "`no-such-sound` (`record.menu`)")?;
    told.says("in `[record]`")?;
    clinic.environment.remove("AFTERTONE__RECORD__MENU");
    clinic.console("module unload res_ari_recordings.so")?;
    let told = clinic.fault("warn", "recording", "res_ari_recordings.so not running")?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

fn wrong_password(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.edit("aftertone/ari.conf", "password = ", "password = x")?;
    clinic.console("module reload res_ari.so")?;
    let told = clinic.fault("fail", "credentials", "rejects user")?;
    clinic.restore("aftertone/ari.conf")?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

fn read_only(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.edit("aftertone/ari.conf", "read_only = no", "read_only = yes")?;
    clinic.console("module reload res_ari.so")?;
    let told = clinic.fault("fail", "write_permission", "may only read")?;
    told.says("`read_only = no`")?;
    clinic.edit("aftertone/ari.conf", "read_only = yes", "read_only = no")?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

fn amd_without_its_file(clinic: &mut Clinic) -> Result<(), Failed> {
    fs::remove_file(clinic.etc("amd.conf"))?;
    clinic.console("module unload app_amd.so")?;
    let told = clinic.fault("fail", "modules", "app_amd.so")?;
    told.says("copy asterisk-conf/pbx/amd.conf")?;
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("asterisk-conf/pbx/amd.conf");
    fs::copy(ours, clinic.etc("amd.conf"))?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

fn module_of_ari(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.console("module unload res_ari_playbacks.so")?;
    clinic.console("module unload func_timeout.so")?;
    let told = clinic.fault("fail", "modules", "func_timeout.so, res_ari_playbacks.so")?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

fn no_audiosocket(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.console("module unload app_audiosocket.so")?;
    // Left to itself, the other carrier does.
    clinic.check_healthy()?;
    clinic.set("AFTERTONE__SCREEN__MEDIA", "audiosocket");
    let told = clinic.fault("fail", "modes", "app_audiosocket.so")?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

fn unknown_trunk(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.set("AFTERTONE__PBX__ENDPOINT", "PJSIP/{number}@nowhere");
    let told = clinic.fault("fail", "trunk", "knows no endpoint PJSIP/nowhere")?;
    told.says("`pjsip show endpoints`")?;
    let listed = clinic.console("pjsip show endpoints")?;
    check!(listed.contains("carrier"), "{listed}");
    clinic.set("AFTERTONE__PBX__ENDPOINT", "PJSIP/{number}@carrier");
    clinic.check_healthy()
}

fn number_as_address(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.set("AFTERTONE__PBX__ENDPOINT", "PJSIP/carrier/{number}");
    let told = clinic.fault("fail", "trunk", "cannot be dialled")?;
    let instead = told.quoted().find_map(|words| {
        let value = words.strip_prefix("pbx.endpoint = \"")?;
        value.strip_suffix('"').map(str::to_owned)
    });
    clinic.set(
        "AFTERTONE__PBX__ENDPOINT",
        instead.ok_or("no value is named")?,
    );
    clinic.check_healthy()
}

const TRUNK: &str = "aftertone/pjsip_trunk.conf";

/// Lets the trunk lead to a port at which nothing answers.
fn bury_trunk(clinic: &Clinic) -> Result<(), Failed> {
    let port = |nth| format!(":{}", clinic.lab().port(nth));
    clinic.edit(TRUNK, &port(3), &port(9))
}

fn check_dead(clinic: &Clinic) -> Result<Told, Failed> {
    wait_for(Duration::from_secs(20), || {
        clinic.fault("fail", "trunk", "does not answer")
    })
}

fn dead_trunk(clinic: &mut Clinic) -> Result<(), Failed> {
    bury_trunk(clinic)?;
    clinic.console("module reload res_pjsip.so")?;
    clinic.console("pjsip qualify carrier")?;
    let told = check_dead(clinic)?;
    told.says("`contact`")?;
    clinic.restore(TRUNK)?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

fn dead_and_not_asked(clinic: &mut Clinic) -> Result<(), Failed> {
    bury_trunk(clinic)?;
    clinic.edit(TRUNK, "qualify_frequency = 30\n", "")?;
    clinic.console("module reload res_pjsip.so")?;
    let told = clinic.fault("warn", "trunk", "never asks")?;
    told.says("`qualify_frequency = 30`")?;
    clinic.restore(TRUNK)?;
    bury_trunk(clinic)?;
    clinic.carry_out(&told)?;
    let told = check_dead(clinic)?;
    clinic.restore(TRUNK)?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

/// A PBX spreads its first questions over the time between two.
fn not_asked_yet(clinic: &mut Clinic) -> Result<(), Failed> {
    bury_trunk(clinic)?;
    clinic.console("module reload res_pjsip.so")?;
    clinic.restore(TRUNK)?;
    clinic.edit(TRUNK, "qualify_frequency = 30", "qualify_frequency = 86400")?;
    clinic.console("module reload res_pjsip.so")?;
    let told = clinic.fault("warn", "trunk", "has not been asked yet")?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()?;
    clinic.restore(TRUNK)?;
    clinic.console("module reload res_pjsip.so")?;
    clinic.console("pjsip qualify carrier")?;
    clinic.check_healthy()
}

fn no_contact(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.edit(TRUNK, "aors = carrier", "")?;
    clinic.console("module reload res_pjsip.so")?;
    let told = clinic.fault("fail", "trunk", "has no contact")?;
    told.says("`aors`")?;
    clinic.restore(TRUNK)?;
    clinic.carry_out(&told)?;
    clinic.console("pjsip qualify carrier")?;
    clinic.check_healthy()
}

fn not_included(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.edit(
        "extensions.conf",
        "#include aftertone/extensions_aftertone.conf\n",
        "",
    )?;
    clinic.console("dialplan reload")?;
    let told = clinic.fault("fail", "contexts", "`aftertone-probe` is missing")?;
    told.says("include")?;
    clinic.restore("extensions.conf")?;
    clinic.carry_out(&told)?;
    clinic.set("AFTERTONE__PBX__CONTEXT", "aftertone-other");
    clinic.fault("fail", "contexts", "`aftertone-other` is missing")?;
    clinic.environment.clear();
    clinic.check_healthy()
}

fn playback_file(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.edit(
        "amd.conf",
        "[general]\n",
        "[general]\nplayback_file = vm-intro\n",
    )?;
    clinic.console("module reload app_amd.so")?;
    let told = clinic.fault("fail", "files", "playback_file = vm-intro")?;
    clinic.restore("amd.conf")?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

fn write_timeout(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.edit("aftertone/ari.conf", "websocket_write_timeout = 1000\n", "")?;
    clinic.console("module reload res_ari.so")?;
    let told = clinic.fault("warn", "files", "within 100 ms")?;
    told.says("`websocket_write_timeout = 1000`")?;
    clinic.restore("aftertone/ari.conf")?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

fn no_func_config(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.console("module unload func_config.so")?;
    let told = clinic.fault("warn", "files", "cannot read")?;
    clinic.carry_out(&told)?;
    clinic.check_healthy()
}

fn no_sounds_dir(clinic: &mut Clinic) -> Result<(), Failed> {
    let folder = clinic.lab().sounds().join("none");
    let seen = format!("{}/sounds/none", clinic.inside()?);
    clinic.set("AFTERTONE__PBX__SOUNDS_DIR", folder.display().to_string());
    clinic.set("AFTERTONE__PBX__PBX_SOUNDS_DIR", seen);
    let told = clinic.fault("fail", "sounds_dir", "no file can be written")?;
    let command = told.quoted().find(|words| words.starts_with("install -d "));
    // The lab's PBX runs as the user who runs the tests.
    let command = command.ok_or("no command is named")?;
    let command = command
        .replace("-g asterisk", "-g $(id -g)")
        .replace("$USER", "$(id -u)");
    shell(&command)?;
    clinic.check_healthy()?;
    fs::remove_dir_all(folder)?;
    Ok(())
}

fn closed_sounds_dir(clinic: &mut Clinic) -> Result<(), Failed> {
    let folder = clinic.lab().sounds().display().to_string();
    shell(&format!("chmod 000 {folder}"))?;
    let listening = clinic.fault("warn", "sounds_dir", "falls back");
    clinic.set("AFTERTONE__SCREEN__MODE", "dialplan");
    let told = clinic.fault("fail", "sounds_dir", "");
    shell(&format!("chmod 755 {folder}"))?;
    listening?.says("read")?;
    told?.says("read")?;
    clinic.check_healthy()
}

fn unreadable_message(clinic: &mut Clinic) -> Result<(), Failed> {
    let message = clinic.lab().sounds().join("test");
    // There is one for narrow and one for wide lines.
    let files = format!("{}.*", message.display());
    shell(&format!("chmod 000 {files}"))?;
    let told = clinic.fault("fail", "messages", "");
    let told = told.inspect_err(|_| drop(shell(&format!("chmod 644 {files}"))))?;
    let command = told
        .quoted()
        .find(|words| words.starts_with("chmod 644"))
        .ok_or("no command is named")?;
    // A user who is not root cannot read it either; then the line names the file.
    if command == "chmod 644" {
        shell(&format!("{command} {files}"))?;
    } else {
        shell(command)?;
    }
    clinic.check_healthy()
}

fn wrong_advertise(clinic: &mut Clinic) -> Result<(), Failed> {
    let nowhere = clinic.address(8);
    clinic.set("AFTERTONE__SCREEN__ADVERTISE", nowhere.as_str());
    let told = clinic.fault("fail", "live_audio", &nowhere)?;
    told.says("`screen.advertise`")?;
    clinic.environment.clear();
    clinic.check_healthy()
}

fn few_sessions(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.edit(
        "aftertone/http.conf",
        "sessionlimit = 500",
        "sessionlimit = 4",
    )?;
    clinic.restart_broken();
    // On a busy machine requests at once may come one after the other.
    let told = wait_for(Duration::from_secs(20), || {
        clinic.fault("warn", "sessions", "were not answered")
    })?;
    told.says("`sessionlimit`")?;
    told.says("restart it")?;
    clinic.restore("aftertone/http.conf")?;
    clinic.lab().restart_pbx()?;
    clinic.check_healthy()
}

/// Which of the lab's ports is the PBX's for TLS.
const TLS: u16 = 4;

/// Makes a certificate as the page says, but for one of its words, and has the PBX show it.
fn encrypt(clinic: &mut Clinic, from: &str, to: &str) -> Result<(), Failed> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src/guide/tls.md");
    let page = fs::read_to_string(page)?;
    let block = |kind: &str| -> Result<String, Failed> {
        let (_, rest) = page
            .split_once(&format!("```{kind}\n"))
            .ok_or("the page has no such block")?;
        let (block, _) = rest.split_once("```").ok_or("the block has no end")?;
        Ok(block.to_owned())
    };
    let folder = clinic.etc("aftertone").display().to_string();
    let lines = block("sh")?
        .replace("ALT=DNS:$HOST", "ALT=IP:127.0.0.1")
        .replace("/etc/asterisk/aftertone", &folder);
    check!(lines.contains(from), "{lines}");
    let out = Command::new("sh")
        .args(["-euc", &lines.replacen(from, to, 1)])
        .output()?;
    check!(out.status.success(), "{}", told(&out));
    clinic.restore("http.conf")?;
    let settings = block("ini")?
        .replace("0.0.0.0:8089", &clinic.address(TLS))
        .replace("/etc/asterisk", &format!("{}/pbx/etc", clinic.inside()?));
    let text = fs::read_to_string(clinic.etc("http.conf"))?;
    fs::write(clinic.etc("http.conf"), text + &settings)?;
    clinic.lab().restart_pbx()?;
    clinic.set("AFTERTONE__PBX__URL", clinic.tls_url());
    clinic.set("AFTERTONE__PBX__CA_FILE", format!("{folder}/tls.crt"));
    Ok(())
}

fn unknown_issuer(clinic: &mut Clinic) -> Result<(), Failed> {
    encrypt(clinic, "CA:FALSE", "CA:FALSE")?;
    clinic.check_healthy()?;
    let own = clinic.environment.remove("AFTERTONE__PBX__CA_FILE");
    let told = clinic.fault("fail", "reachable", "no authority that this machine trusts")?;
    told.says("`pbx.ca_file`")?;
    clinic.set("AFTERTONE__PBX__CA_FILE", own.unwrap_or_default());
    clinic.check_healthy()?;
    plain_again(clinic)
}

fn wrong_certificates(clinic: &mut Clinic) -> Result<(), Failed> {
    encrypt(clinic, "CA:FALSE", "CA:TRUE")?;
    let told = clinic.fault("fail", "reachable", "`CA:TRUE`")?;
    told.says("docs/src/guide/tls.md")?;
    encrypt(clinic, "IP:127.0.0.1", "DNS:pbx.example.com")?;
    let told = clinic.fault("fail", "reachable", "for another name")?;
    told.says("docs/src/guide/tls.md")?;
    encrypt(clinic, "CA:FALSE", "CA:FALSE")?;
    clinic.check_healthy()?;
    plain_again(clinic)
}

fn other_port(clinic: &mut Clinic) -> Result<(), Failed> {
    encrypt(clinic, "CA:FALSE", "CA:FALSE")?;
    let plain = clinic.address(0);
    clinic.set("AFTERTONE__PBX__URL", format!("https://{plain}"));
    let told = clinic.fault("fail", "reachable", "does not speak TLS")?;
    told.says("`http://`")?;
    let encrypted = clinic.address(TLS);
    clinic.set("AFTERTONE__PBX__URL", format!("http://{encrypted}"));
    let told = clinic.fault("fail", "reachable", "does not answer")?;
    told.says("`https://`")?;
    clinic.set("AFTERTONE__PBX__URL", clinic.tls_url());
    clinic.check_healthy()?;
    plain_again(clinic)
}

/// `aftertone init` ends with the doctor, who finds nothing.
fn written_by_init(clinic: &mut Clinic) -> Result<(), Failed> {
    let lab = clinic.lab();
    let file = lab.folder().join("init/aftertone.toml");
    let mut program = Command::new(env!("CARGO_BIN_EXE_aftertone"));
    program
        .args([
            "init",
            "--force",
            "--endpoint",
            "PJSIP/{number}@carrier",
            "--caller-id",
            "+12025550100",
        ])
        .args(["--url", lab.pbx_url()])
        .args([Path::new("--config"), &file])
        .args([Path::new("--sounds-dir"), lab.sounds()])
        .args([
            Path::new("--password-file"),
            &lab.folder().join("ari-password"),
        ])
        .env(
            "AFTERTONE__PBX__PBX_SOUNDS_DIR",
            format!("{}/sounds", clinic.inside()?),
        )
        .env("AFTERTONE__STATE_DIR", lab.folder().join("state"))
        .stdin(std::process::Stdio::null());
    let out = program.output()?;
    check!(out.status.code() == Some(0), "{}", told(&out));
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    check!(said.contains("ok   trunk"), "{said}");
    check!(!said.contains("warn"), "{said}");
    Ok(())
}

fn plain_again(clinic: &mut Clinic) -> Result<(), Failed> {
    clinic.environment.clear();
    clinic.restore("http.conf")?;
    clinic.lab().restart_pbx()?;
    clinic.check_healthy()
}

fn shell(command: &str) -> Result<(), Failed> {
    let done = Command::new("sh").args(["-euc", command]).status()?;
    check!(done.success(), "{command}");
    Ok(())
}

/// Copies what is in a folder into another.
fn copy(from: &Path, to: &Path) -> Result<(), Failed> {
    fs::create_dir_all(to)?;
    let all = format!("{}/.", from.display());
    let done = Command::new("cp")
        .arg("-a")
        .args([Path::new(&all), to])
        .status()?;
    check!(done.success(), "cp {all}");
    Ok(())
}
