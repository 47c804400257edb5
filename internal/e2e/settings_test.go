//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const settingsRepo = "registry.example/acme/settings"

// settingsModule is a sandbox with testdata/settings below mod, in a repository, with
// the values that its configuration takes from outside. The bases that it names are
// there, in a mirror of the host that they are named at.
func settingsModule(t *testing.T) *sandbox {
	t.Helper()
	s := newSandbox(t)
	if err := os.CopyFS(s.path("mod"), os.DirFS("testdata/settings")); err != nil {
		t.Fatal(err)
	}
	s.write(s.path("mod/files/root/etc/settings/key.pem"), "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIGdGVzdGtleXRlc3RrZXl0ZXN0a2V5dGVzdGtleXRl\n-----END PRIVATE KEY-----\n", 0o600)
	s.vars["REGION"] = "eu"
	for _, args := range [][]string{
		{"init", "-q", "-b", "main"}, {"add", "-A"},
		{"-c", "user.name=e2e", "-c", "user.email=e2e@example.com", "commit", "-q", "-m", "settings"}, {"tag", "v1.2.3"},
	} {
		s.vars["GIT_COMMITTER_DATE"], s.vars["GIT_AUTHOR_DATE"] = "1700000000 +0000", "1700000000 +0000"
		s.run("git", append([]string{"-C", "mod"}, args...)...)
	}
	s.vars["IMGO_REGISTRY_MIRROR"] = "bases.example=" + baseMirror(s)
	return s
}

var mirrored sync.Once

// baseMirror is where a registry has a base of each kind.
func baseMirror(s *sandbox) string {
	s.t.Helper()
	mirror := plainRegistry(s.t) + "/mirror"
	mirrored.Do(func() {
		publishDistroless(s, mirror+"/distroless:1")
		publishAlpine(s, mirror+"/alpine:1")
		publishDebian(s, mirror+"/debian:1")
	})
	return mirror
}

// The configuration of the test has every setting that the schema knows.
func TestSettingsAreComplete(t *testing.T) {
	config, err := os.ReadFile("testdata/settings/.imgo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("../../docs/imgo.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type properties struct{ Properties map[string]json.RawMessage }
	var schema struct {
		properties
		Defs map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for key := range schema.Properties {
		keys = append(keys, key)
	}
	for key, def := range schema.Defs {
		keys = append(keys, key)
		keys = append(keys, propertyNames(def)...)
	}
	if len(keys) < 40 {
		t.Errorf("the schema has only the keys %s", keys)
	}
	for _, key := range keys {
		if !regexp.MustCompile(`(?m)(^ *|[{,] ?)` + key + `:`).Match(config) {
			t.Errorf("%s is not set", key)
		}
	}
}

// propertyNames finds the keys of all mappings in a part of a schema.
func propertyNames(def any) []string {
	var names []string
	switch def := def.(type) {
	case map[string]any:
		for key, value := range def {
			if properties, ok := value.(map[string]any); ok && key == "properties" {
				for name := range properties {
					names = append(names, name)
				}
			}
			names = append(names, propertyNames(value)...)
		}
	case []any:
		for _, value := range def {
			names = append(names, propertyNames(value)...)
		}
	}
	return names
}

// settingsTree is what the files of the image are in a container, whatever the base.
var settingsTree = []string{
	`0755 0:0 /srv/www/`,
	`0777 0:0 /srv/www/default.html -> index.html`,
	`0755 0:0 /srv/www/img/`,
	`0777 0:0 /srv/www/img/scripts -> ../js`,
	`0644 0:0 /srv/www/index.html "<p>www</p>\n"`,
	`0755 0:0 /srv/www/js/`,
	`0644 0:0 /srv/www/js/a.js "let a\n"`,
	`0644 0:0 /srv/www/js/keep.js.map "keep\n"`,
	`0555 10001:10001 /srv/templates/`,
	`0444 10001:10001 /srv/templates/one.tmpl "one\n"`,
	`0444 10001:10001 /srv/templates/two.tmpl "two\n"`,
	`0755 0:0 /etc/settings/`,
	`0640 10001:10002 /etc/settings/app.conf "a = 1\n"`,
	`0644 0:0 /etc/settings/key.pem`,
	`0700 10001:10002 /var/lib/data/`,
	`0755 0:0 /lib/settings/`,
	`0755 0:0 /lib/settings/other`,
	`0644 0:0 /lib/settings/plugin.so "plugin\n"`,
	`0755 0:0 /var/run/settings/`,
	`0644 0:0 /var/run/settings/seed.txt "seed\n"`,
	`0755 0:0 /var/run/ko/`,
	`0644 0:0 /var/run/ko/index.html "<p>ko</p>\n"`,
	`0755 0:0 /var/run/ko/sub/`,
	`0644 0:0 /var/run/ko/sub/deep.txt "deep\n"`,
	`0750 10001:10002 /home/app/`,
}

var settingsRoots = []string{
	"/srv/www", "/srv/templates", "/etc/settings", "/var/lib/data", "/lib/settings", "/var/run/settings", "/var/run/ko", "/home/app",
}

// settingsPlaces are directories of the base that the image writes into, and files in
// them, as they are on every base but where settingsBases says otherwise.
var settingsPlaces = []string{
	`0755 0:0 /etc/`, `1777 0:0 /tmp/`, `0755 0:0 /usr/local/bin/`, `0755 0:0 /lib/`, `0755 0:0 /var/run/`, `0755 0:0 /var/`, `0755 0:0 /home/`,
	`0644 0:0 /tmp/seed.txt "seed\n"`, `0755 0:0 /usr/local/bin/hello.sh "#!/bin/sh\necho hello from a script\n"`, `0755 0:0 /usr/local/bin/server`,
	`0644 0:0 /etc/passwd`, `0755 0:0 /app/look`, `0755 0:0 /imgo/probe`,
}

// settingsBases are the bases, with those of their directories that are links.
var settingsBases = []struct {
	name, ref string
	links     map[string]string
	shell     bool
}{
	{name: "scratch", ref: "scratch"},
	{name: "distroless", ref: "bases.example/distroless:1"},
	{name: "alpine", ref: "bases.example/alpine:1", links: map[string]string{"/var/run": "../run"}, shell: true},
	{name: "debian", ref: "bases.example/debian:1", links: map[string]string{"/var/run": "/run", "/lib": "usr/lib"}, shell: true},
}

// An image with every setting is what the settings say, on each kind of base and in
// both engines, seen from outside and from inside.
func TestEverySetting(t *testing.T) {
	s := settingsModule(t)
	all := engines(t)
	for _, base := range settingsBases {
		tarball := s.path(base.name + ".tar")
		s.imgo("build", "-C", "mod", "server", "--base", base.ref, "--platform", "linux/amd64", "-t", ":"+base.name, "-o", tarball)
		places := slices.Clone(settingsPlaces)
		for i, place := range places {
			path := strings.TrimSuffix(place[strings.LastIndex(place, " ")+1:], "/")
			if target, ok := base.links[path]; ok {
				places[i] = "0777 0:0 " + path + " -> " + target
			}
		}
		for _, e := range all {
			t.Run(base.name+" in "+e.name, func(t *testing.T) {
				t.Parallel()
				s := s.in(t)
				image := settingsRepo + ":" + base.name
				if names := e.load(s, tarball); !slices.Equal(names, []string{image}) {
					t.Errorf("it is called %s", names)
				}
				checkSettingsConfig(s, e, image)
				id := e.detach(s, image)
				checkSettingsInside(s, e, id, places)
				if base.shell {
					if got := e.exec(s, id, "/bin/sh", "-c", "cd && pwd && hello.sh"); got != "/home/app\nhello from a script" {
						t.Errorf("a shell says %q", got)
					}
				}
				checkHealthy(s, e, id)
				checkStops(s, e, id, "built with its tag\nversion v1.2.3+1700000000\n"+
					"arguments --config /etc/settings/app.conf serve --port 8080\nsignal user defined signal 1")
			})
		}
	}
	// A health check that is a command of the image's own.
	s.imgo("build", "-C", "mod", "checked", "-o", s.path("checked.tar"))
	for _, e := range all {
		t.Run("checked in "+e.name, func(t *testing.T) {
			t.Parallel()
			s := s.in(t)
			e.load(s, s.path("checked.tar"))
			id := e.detach(s, "registry.example/acme/checked")
			checkHealthy(s, e, id)
			checkStops(s, e, id, "version unknown\narguments \nsignal terminated")
		})
	}
}

// checkStops asks a container to stop, and checks what it said in its life.
func checkStops(s *sandbox, e engine, id, want string) {
	s.t.Helper()
	e.run(s, "stop", "-t", "10", id)
	if logs := e.run(s, "logs", id); logs != want {
		s.t.Errorf("it printed %q, want %q", logs, want)
	}
}

// checkSettingsConfig checks what an engine knows of the image without running it.
func checkSettingsConfig(s *sandbox, e engine, image string) {
	s.t.Helper()
	var got v1.Config
	if err := json.Unmarshal([]byte(e.run(s, "image", "inspect", "--format", "{{json .Config}}", image)), &got); err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(got.Env)
	type set = map[string]struct{}
	want := v1.Config{
		User:         "10001:10002",
		WorkingDir:   "/srv/www",
		Entrypoint:   []string{"/usr/local/bin/server", "--config", "/etc/settings/app.conf"},
		Cmd:          []string{"serve", "--port", "8080"},
		ExposedPorts: set{"8080/tcp": {}, "53/udp": {}, "9000/tcp": {}, "9001/tcp": {}, "9002/tcp": {}},
		Volumes:      set{"/var/lib/data": {}, "/var/cache/server": {}},
		StopSignal:   "SIGUSR1",
		Env: []string{
			"API_TOKEN=9f8e7d6c5b4a39281706f5e4d3c2b1a0", `GREETING=a "quoted" $HOME text`, "KO_DATA_PATH=/var/run/ko", "LOG_LEVEL=info", basePath,
			"PLATFORM=linux/amd64 server", "REGION=eu", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt",
		},
		Labels: map[string]string{
			"team": "payments", "tier": "backend", "com.example.branch": "main",
			"org.opencontainers.image.title":    "server",
			"org.opencontainers.image.vendor":   "ACME example.com/settings",
			"org.opencontainers.image.revision": s.run("git", "-C", "mod", "rev-parse", "HEAD"),
			"org.opencontainers.image.version":  "v1.2.3",
			"org.opencontainers.image.created":  "2023-11-14T22:13:20Z",
		},
	}
	ignore := []cmp.Option{
		cmpopts.IgnoreFields(v1.Config{}, "Image", "Healthcheck"),
		cmpopts.IgnoreMapEntries(func(key, _ string) bool { return strings.HasPrefix(key, "org.opencontainers.image.base.") }),
		cmpopts.IgnoreSliceElements(func(kv string) bool { return strings.HasPrefix(kv, "SSL_CERT_FILE=") }), // not of every base
	}
	if diff := cmp.Diff(want, got, ignore...); diff != "" {
		s.t.Errorf("what %s knows of the image (-want +got):\n%s", e.name, diff)
	}
}

// checkSettingsInside checks what a program finds in a container of the image.
func checkSettingsInside(s *sandbox, e engine, id string, places []string) {
	s.t.Helper()
	command := append([]string{"/app/look"}, settingsRoots...)
	command = append(command, "--")
	for _, place := range places {
		command = append(command, filepath.Clean(strings.Fields(place)[2]))
	}
	command = append(command, "--", "/tmp", "/home/app", "/var/lib/data", "/srv/www")
	part := strings.Split(e.exec(s, id, command...), "\n\n")
	if len(part) != 5 {
		s.t.Fatalf("%s: look says %q", e.name, part)
	}
	if want := "10001 app 10002 app /home/app /srv/www <nil>"; part[0] != want {
		s.t.Errorf("it runs as %q, want %q", part[0], want)
	}
	env := strings.Split(part[1], "\n")
	for _, want := range []string{"HOME=/home/app", "LOG_LEVEL=info", "REGION=eu", `GREETING=a "quoted" $HOME text`, "KO_DATA_PATH=/var/run/ko"} {
		if !slices.Contains(env, want) {
			s.t.Errorf("%s is not in the environment: %q", want, env)
		}
	}
	if diff := cmp.Diff(settingsTree, strings.Split(part[2], "\n")); diff != "" {
		s.t.Errorf("files as the program sees them (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(places, strings.Split(part[3], "\n")); diff != "" {
		s.t.Errorf("places of the base (-want +got):\n%s", diff)
	}
	if want := "/tmp yes\n/home/app yes\n/var/lib/data yes\n/srv/www no"; part[4] != want {
		s.t.Errorf("where it may write: %q, want %q", part[4], want)
	}
	var mounts []struct{ Type, Destination string }
	if err := json.Unmarshal([]byte(e.run(s, "inspect", "--format", "{{json .Mounts}}", id)), &mounts); err != nil {
		s.t.Fatal(err)
	}
	slices.SortFunc(mounts, func(a, b struct{ Type, Destination string }) int {
		return strings.Compare(a.Destination, b.Destination)
	})
	if got := fmt.Sprint(mounts); got != "[{volume /var/cache/server} {volume /var/lib/data}]" {
		s.t.Errorf("volumes: %s", got)
	}
}

func checkHealthy(s *sandbox, e engine, id string) {
	s.t.Helper()
	err := await(15*time.Second, func() error {
		if status := e.health(s, id); status != "healthy" {
			return errors.New(status)
		}
		return nil
	})
	if err != nil {
		s.t.Errorf("%s: the container is %v\n%s", e.name, err, e.run(s, "inspect", id))
	}
}

// The base of each platform is another, and what the manifest has to carry arrives.
func TestSettingsIndex(t *testing.T) {
	s := settingsModule(t)
	repo := plainRegistry(t) + "/settings/server"
	line := s.imgo("push", "-C", "mod", "server", "-t", repo+":v1")
	if got := rawDigest(s, "docker://"+repo+":v1"); got != digest(t, line) {
		t.Errorf("the registry has %s, imgo printed %s", got, line)
	}
	idx := indexOf(s, "docker://"+repo+":v1")
	if idx.MediaType != "application/vnd.docker.distribution.manifest.list.v2+json" {
		t.Errorf("the index has the type %s", idx.MediaType)
	}
	for arch, base := range map[string]string{"amd64": "distroless", "arm64": "alpine"} {
		source := "docker://" + repo + "@" + manifestFor(s, "docker://"+repo+":v1", arch)
		config := skopeo(s, "inspect", "--config", "--raw", source)
		for _, want := range []string{
			`"org.opencontainers.image.base.name":"bases.example/` + base + `:1"`,
			`"org.opencontainers.image.base.digest":"` + manifestFor(s, "docker://"+plainRegistry(t)+"/mirror/"+base+":1", arch) + `"`,
			`"PLATFORM=linux/` + arch + ` server"`,
			`"Healthcheck":{"Test":["CMD","/imgo/probe","http://127.0.0.1:8080/healthz","-timeout","2s"],` +
				`"Interval":1000000000,"Timeout":2000000000,"StartPeriod":30000000000,"StartInterval":500000000,"Retries":3}`,
		} {
			if !strings.Contains(config, want) {
				t.Errorf("%s: the config lacks %s:\n%s", arch, want, config)
			}
		}
	}
}

// umoci and runc, which take OCI's media types only.
func TestSettingsBundle(t *testing.T) {
	s := settingsModule(t)
	s.imgo("build", "-C", "mod", "server", "--profile", "plain", "--base", "scratch", "-t", ":plain", "-o", "oci:"+s.path("layout"))
	s.run("umoci", "unpack", "--image", s.path("layout")+":"+settingsRepo+":plain", s.path("bundle"))
	annotations := skopeo(s, "inspect", "--raw", "oci:"+s.path("layout")+":"+settingsRepo+":plain")
	if !strings.Contains(annotations, `"org.opencontainers.image.vendor":"ACME example.com/settings"`) {
		t.Errorf("the manifest lacks an annotation:\n%s", annotations)
	}
	checkBundleTree(s, s.path("bundle/rootfs"))
	runBundle(s, s.path("bundle"))
}

// checkBundleTree compares an unpacked root file system with what containers have.
func checkBundleTree(s *sandbox, root string) {
	s.t.Helper()
	s.run("go", "build", "-C", "mod", "-o", s.path("look"), "./cmd/look")
	var roots []string
	for _, r := range settingsRoots {
		roots = append(roots, filepath.Join(root, r))
	}
	got := strings.Split(strings.ReplaceAll(s.run(s.path("look"), roots...), " "+root, " "), "\n\n")[2]
	if diff := cmp.Diff(settingsTree, strings.Split(got, "\n")); diff != "" {
		s.t.Errorf("files in the bundle (-want +got):\n%s", diff)
	}
}
