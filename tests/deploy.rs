//! Holds what is deployed to what the program is: ports, paths, users and limits
//! stand in many files, and none of them is compiled.
//!
//! Whether Docker, Kubernetes and Debian take these files is asked of their own
//! tools, where there are any: deploy/check-containers, tests/real/.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The documents of a YAML file.
fn yaml(name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    let found = value.pointer(pointer).and_then(Value::as_array);
    found.unwrap_or_else(|| panic!("no list at {pointer} in {value}"))
}

fn words<'v>(value: &'v Value, pointer: &str) -> Vec<&'v str> {
    list(value, pointer).iter().map(|word| word.as_str().unwrap()).collect()
}

/// The ports on which flows are taken in.
fn ports(config: &hayrake::config::Config) -> BTreeSet<u16> {
    config.listen.iter().map(std::net::SocketAddr::port).collect()
}

fn config(name: &str) -> hayrake::config::Config {
    hayrake::config::load(&path(name)).unwrap_or_else(|wrong| {
        let lines: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        panic!("{name}: {}", lines.join("\n"))
    })
}

#[test]
fn packaged_configurations_can_be_used() {
    let all = config("deploy/hayrake.yaml");
    for name in ["deploy/debian/hayrake.yaml", "deploy/kubernetes/hayrake.yaml"] {
        let config = config(name);
        assert_eq!(ports(&config), ports(&all), "{name}");
        assert!(config.state.starts_with("/var/lib/hayrake"), "{name}");
        assert!(config.lines.key_file.starts_with("/var/lib/hayrake"), "{name}");
    }
}

#[test]
fn the_kernel_is_asked_for_as_much_buffer_as_sockets_ask_for() {
    let sysctl = text("deploy/hayrake.sysctl");
    let most = sysctl.lines().find_map(|line| line.strip_prefix("net.core.rmem_max = ")).unwrap();
    assert!(most.parse::<usize>().unwrap() >= hayrake::receive::udp::BUFFER_ASKED);
}

#[test]
fn the_image_runs_as_nobody_and_says_what_it_serves() {
    let dockerfile = text("Dockerfile");
    let after = |word: &str| {
        let lines = dockerfile.lines().filter_map(|line| line.strip_prefix(word));
        lines.map(str::trim).collect::<Vec<_>>()
    };
    for image in after("FROM ") {
        let image = image.split(' ').next().unwrap();
        assert!(image == "scratch" || image.contains(':'), "{image} is not pinned");
    }
    assert_eq!(after("USER "), ["65532:65532"]);
    assert!(text("deploy/image-root").contains("user=65532"), "the same user");
    let http = config("deploy/debian/hayrake.yaml").http.port();
    let mut exposed: BTreeSet<String> =
        ports(&config("deploy/hayrake.yaml")).iter().map(|port| format!("{port}/udp")).collect();
    exposed.insert(format!("{http}/tcp"));
    let said = after("EXPOSE ")[0].split(' ').map(str::to_owned).collect();
    assert_eq!(exposed, said);
    // Commands of the image are commands of the program.
    let check = dockerfile.lines().find(|line| line.starts_with("HEALTHCHECK")).unwrap();
    for command in [check.split_once("CMD ").unwrap().1, after("CMD ")[0]] {
        let words: Vec<String> = serde_json::from_str(command).unwrap();
        let word = words.iter().find(|word| !word.starts_with('/')).unwrap();
        assert!(help(word), "{command}");
    }
}

fn help(command: &str) -> bool {
    let program = env!("CARGO_BIN_EXE_hayrake");
    Command::new(program).args([command, "--help"]).output().unwrap().status.success()
}

#[test]
fn compositions_find_their_files_and_serve_this_machine_only() {
    let folder = path("deploy/compose");
    for name in ["compose.yaml", "service.yaml"] {
        let composition = &yaml(&format!("deploy/compose/{name}"))[0];
        let volumes = composition["volumes"].as_object().unwrap();
        let services = composition["services"].as_object().unwrap();
        assert!(services.contains_key("prometheus") && services.contains_key("grafana"));
        for (service, said) in services {
            let image = said["image"].as_str().unwrap();
            assert!(image.contains(':') || said["build"].is_object(), "{image} is not pinned");
            assert_eq!(words(said, "/cap_drop"), ["ALL"], "{service}");
            assert_eq!(words(said, "/security_opt"), ["no-new-privileges:true"], "{service}");
            for volume in said["volumes"].as_array().into_iter().flatten() {
                let volume = volume.as_str().unwrap();
                let source = volume.split(':').next().unwrap();
                let named = !source.starts_with(['.', '/', '$']);
                assert!(!named || volumes.contains_key(source), "{name}: {volume}");
                let here = source.starts_with("..") || source.starts_with("./t");
                assert!(!here || folder.join(source).exists(), "{name}: {volume}");
            }
            for port in said["ports"].as_array().into_iter().flatten() {
                assert!(port.as_str().unwrap().starts_with("127.0.0.1:"), "{name}: {port}");
            }
            if let Some(depends) = said.get("depends_on") {
                let on = depends.as_array().map_or_else(
                    || depends.as_object().unwrap().keys().map(String::as_str).collect(),
                    |list| list.iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>(),
                );
                assert!(on.iter().all(|one| services.contains_key(*one)), "{service}: {on:?}");
            }
        }
        let hayrake = &services["hayrake"];
        assert_eq!(hayrake["read_only"], true);
        if name == "service.yaml" {
            assert_eq!(hayrake["network_mode"], "host", "or exporters all look like one");
            let said = services["prometheus"]["command"].to_string();
            assert!(said.contains("--web.listen-address=127.0.0.1:"), "{said}");
            assert_eq!(services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"], "127.0.0.1");
        } else {
            let command = words(hayrake, "/command");
            assert!(help(command[0]));
            let (_, port) = command.last().unwrap().split_once(':').unwrap();
            let targets = words(&yaml("deploy/compose/targets.yaml")[0][0], "/targets").join(" ");
            assert_eq!(targets, format!("hayrake:{port}"));
        }
    }
    // What Grafana shows first is in the folder that is mounted.
    for name in ["compose.yaml", "service.yaml"] {
        let grafana = yaml(&format!("deploy/compose/{name}"))[0]["services"]["grafana"].clone();
        let home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].as_str();
        let file = home.unwrap().strip_prefix("/var/lib/grafana/dashboards/hayrake/").unwrap();
        assert!(path("dashboards").join(file).exists(), "{file}");
    }
    // Both Grafana and the test of dashboards know the data source by this name.
    let source = &yaml("dashboards/provisioning/datasources/prometheus.yaml")[0];
    assert_eq!(source.pointer("/datasources/0/url").unwrap(), "http://prometheus:9090");
}

/// All documents of deploy/kubernetes, but for the configuration and the list.
fn manifests() -> Vec<Value> {
    let list = &yaml("deploy/kubernetes/kustomization.yaml")[0];
    let named: BTreeSet<_> = words(list, "/resources").into_iter().map(str::to_owned).collect();
    let there: BTreeSet<_> = fs::read_dir(path("deploy/kubernetes"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "kustomization.yaml" && name != "hayrake.yaml")
        .collect();
    assert_eq!(named, there, "every file is in the list");
    assert_eq!(words(list, "/configMapGenerator/0/files"), ["hayrake.yaml"]);
    named.iter().flat_map(|name| yaml(&format!("deploy/kubernetes/{name}"))).collect()
}

fn of_kind<'v>(manifests: &'v [Value], kind: &str) -> Vec<&'v Value> {
    let found: Vec<_> = manifests.iter().filter(|one| one["kind"] == kind).collect();
    assert!(!found.is_empty(), "no {kind}");
    found
}

#[test]
fn the_pod_has_the_ports_and_folders_of_its_configuration() {
    let config = config("deploy/kubernetes/hayrake.yaml");
    let manifests = manifests();
    let pod = of_kind(&manifests, "StatefulSet")[0].pointer("/spec/template/spec").unwrap();
    let container = pod.pointer("/containers/0").unwrap();
    let port = |one: &Value, key: &str| {
        (u16::try_from(one[key].as_u64().unwrap()).unwrap(), one["protocol"] == "UDP")
    };
    let open: BTreeSet<_> =
        list(container, "/ports").iter().map(|one| port(one, "containerPort")).collect();
    let mut wanted: BTreeSet<_> = ports(&config).into_iter().map(|port| (port, true)).collect();
    wanted.extend([(config.http.port(), false), (6000, false)]);
    assert_eq!(open, wanted);
    assert!(text("deploy/kubernetes/hayrake.yaml").contains("tcp:0.0.0.0:6000"));

    // What a Service leads to, and what may come in, is what is open.
    let names: BTreeSet<_> =
        list(container, "/ports").iter().map(|one| &one["name"]).map(Value::to_string).collect();
    let mut served = BTreeSet::new();
    for service in of_kind(&manifests, "Service") {
        for one in list(service, "/spec/ports") {
            assert!(names.contains(&one["targetPort"].to_string()), "{one}");
            served.insert(port(one, "port"));
        }
        let from_outside = service["spec"]["type"] == "LoadBalancer";
        let local = service["spec"]["externalTrafficPolicy"] == "Local";
        assert_eq!(from_outside, local, "source addresses must survive: {service}");
    }
    let policy = of_kind(&manifests, "NetworkPolicy")[0];
    let allowed: BTreeSet<_> = list(policy, "/spec/ingress")
        .iter()
        .flat_map(|rule| list(rule, "/ports"))
        .map(|one| port(one, "port"))
        .collect();
    assert_eq!((&served, &allowed), (&open, &open));

    let volumes: BTreeSet<_> = list(pod, "/volumes")
        .iter()
        .map(|one| one["name"].to_string())
        .chain(
            list(of_kind(&manifests, "StatefulSet")[0], "/spec/volumeClaimTemplates")
                .iter()
                .map(|one| one["metadata"]["name"].to_string()),
        )
        .collect();
    for mount in list(container, "/volumeMounts") {
        assert!(volumes.contains(&mount["name"].to_string()), "{mount}");
    }
    assert!(config.state.starts_with("/var/lib/hayrake/"), "in the volume");
}

#[test]
fn the_pod_has_no_rights_and_is_asked_what_the_api_answers() {
    let manifests = manifests();
    let pod = of_kind(&manifests, "StatefulSet")[0].pointer("/spec/template/spec").unwrap();
    let container = pod.pointer("/containers/0").unwrap();
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["securityContext"]["runAsUser"], 65532, "the image's user");
    assert_eq!(pod["automountServiceAccountToken"], false);
    let rights = &container["securityContext"];
    assert_eq!(rights["readOnlyRootFilesystem"], true);
    assert_eq!(rights["allowPrivilegeEscalation"], false);
    assert_eq!(words(rights, "/capabilities/drop"), ["ALL"]);
    let api = text("docs/api.md");
    for (probe, path) in
        [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(container[probe]["httpGet"]["path"], path);
        assert!(api.contains(&format!("| `{path}` |")), "{path}");
    }
    assert!(help(words(container, "/args")[0]));
}

#[test]
fn the_package_the_unit_and_the_user_agree() {
    let unit = text("deploy/hayrake.service");
    assert!(unit.contains("ExecStart=/usr/bin/hayrake run -c /etc/hayrake/hayrake.yaml"));
    assert!(unit.contains("StateDirectory=hayrake\n") && unit.contains("User=hayrake\n"));
    let user = text("deploy/debian/hayrake.sysusers");
    assert!(user.contains("u hayrake - \"Hayrake\" /var/lib/hayrake /usr/sbin/nologin"));
    let manifest = text("Cargo.toml");
    for place in ["usr/bin/", "etc/hayrake/hayrake.yaml", "usr/lib/systemd/system/"] {
        assert!(manifest.contains(&format!("\"{place}\"")), "{place}");
    }
    // The sources of assets that are in the repository.
    let assets = manifest.split_once("assets = [").unwrap().1.split_once("\n]").unwrap().0;
    let sources = assets.lines().filter_map(|line| line.split('"').nth(1));
    let mut found = 0;
    for source in sources.filter(|source| !source.starts_with("target/") && !source.contains('*')) {
        assert!(path(source).exists(), "{source}");
        found += 1;
    }
    assert!(found >= 5);
}
