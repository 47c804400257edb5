package engine

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/pkg/publish"
)

// text is a layer's content of some size.
func text(word string) string { return strings.Repeat(word+" ", 20_000) }

func TestDockerGetsWhatIsNew(t *testing.T) {
	d := &fakeDocker{}
	o := startDocker(t, d)
	events := &recorded{}
	o.Events = events
	base, one, two := layerOf(text("base")), layerOf(text("one")), layerOf(text("two"))
	first, second := imageOf(t, "amd64", base, one), imageOf(t, "amd64", base, two)
	const other = "docker.io/library/other:latest"

	mustLoad(t, o, first, testName, "other")
	if n := d.took(); n < 180_000 {
		t.Errorf("the first load took %d bytes, want both layers", n)
	}
	if diff := cmp.Diff(map[string]string{testName: configOf(t, first), other: configOf(t, first)}, d.tags()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	d.requests()
	mustLoad(t, o, first, testName, "other")
	want := []string{"GET /info", "GET /images/" + configOf(t, first) + "/json"}
	if diff := cmp.Diff(want, d.requests()); diff != "" || d.took() > 0 {
		t.Errorf("requests of a load of the same image (-want +got):\n%s", diff)
	}
	mustLoad(t, o, second)
	if n := d.took(); n < 80_000 || n > 100_000 {
		t.Errorf("the second load took %d bytes, want one layer", n)
	}
	if diff := cmp.Diff(map[string]string{testName: configOf(t, second), other: configOf(t, first)}, d.tags()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	wantEvents := []string{
		"push " + testName + " to docker: ", "tag " + testName + ": ", "tag " + other + ": ",
		"push " + testName + " to docker: exists",
		"push " + testName + " to docker: 1 of 2 layers exist", "tag " + testName + ": ",
	}
	if diff := cmp.Diff(wantEvents, events.ends()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	events.paired(t)
}

// Layers are found in images of other names too.
func TestDockerLooksInOtherImages(t *testing.T) {
	d := &fakeDocker{}
	o := startDocker(t, d)
	base := layerOf(text("base"))
	mustLoad(t, o, imageOf(t, "amd64", base, layerOf("a")), "a")
	mustLoad(t, o, imageOf(t, "amd64", layerOf("x"), layerOf("y")), "b")
	d.took()
	mustLoad(t, o, imageOf(t, "amd64", base, layerOf("c")), "c")
	if n := d.took(); n > 10_000 {
		t.Errorf("it took %d bytes", n)
	}
}

// A layer that comes twice is sent where one of its places is new.
func TestDockerRepeatedLayer(t *testing.T) {
	d := &fakeDocker{}
	o := startDocker(t, d)
	same := layerOf("same")
	mustLoad(t, o, imageOf(t, "amd64", same, layerOf("a")))
	d.requests()
	mustLoad(t, o, imageOf(t, "amd64", same, same))
	if n := strings.Count(strings.Join(d.requests(), "\n"), "/images/load"); n != 1 {
		t.Errorf("it took %d loads, want 1", n)
	}
}

// A daemon that lost what it seemed to have gets everything.
func TestDockerLostLayers(t *testing.T) {
	d := &fakeDocker{}
	o := startDocker(t, d)
	events := &recorded{}
	base := layerOf(text("base"))
	mustLoad(t, o, imageOf(t, "amd64", base, layerOf("a")))
	d.chains = map[string]bool{}
	o.Events = events
	second := imageOf(t, "amd64", base, layerOf("b"))
	mustLoad(t, o, second)
	if got := d.tags()[testName]; got != configOf(t, second) {
		t.Errorf("the name is at %s", got)
	}
	want := []string{"push " + testName + " to docker failed", "push " + testName + " to docker: ", "tag " + testName + ": "}
	if diff := cmp.Diff(want, events.ends()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	events.paired(t)
}

// With containerd's images an image goes by its manifest, and all of it is sent.
func TestDockerWithContainerd(t *testing.T) {
	d := &fakeDocker{driver: "io.containerd.snapshotter.v1"}
	o := startDocker(t, d)
	base := layerOf(text("base"))
	mustLoad(t, o, imageOf(t, "amd64", base, layerOf("a")))
	d.took()
	second := imageOf(t, "amd64", base, layerOf("b"))
	mustLoad(t, o, second)
	if n := d.took(); n < 100_000 {
		t.Errorf("it took %d bytes: a layer was left out", n)
	}
	if got := d.tags()[testName]; got != digestOf(t, second).String() {
		t.Errorf("the name is at %s", got)
	}
}

func TestDockerPlatform(t *testing.T) {
	d := &fakeDocker{}
	o := startDocker(t, d)
	events := &recorded{}
	o.Events = events
	arm, amd := imageOf(t, "arm64", layerOf("arm")), imageOf(t, "amd64", layerOf("amd"))
	mustLoad(t, o, indexOf(arm, amd))
	if got := d.tags()[testName]; got != configOf(t, amd) {
		t.Errorf("the name is at %s, want the image for amd64", got)
	}
	o.Platform = v1.Platform{OS: "linux", Architecture: "s390x"}
	mustLoad(t, o, indexOf(arm, amd))
	if got := d.tags()[testName]; got != configOf(t, arm) {
		t.Errorf("the name is at %s, want the first image", got)
	}
	want := []string{
		"push " + testName + " to docker: linux/amd64 of 2 platforms", "tag " + testName + ": ",
		"warning: docker gets the image for linux/arm64: there is none for linux/s390x",
		"push " + testName + " to docker: linux/arm64 of 2 platforms", "tag " + testName + ": ",
	}
	if diff := cmp.Diff(want, events.ends()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestDockerCloseWithoutTag(t *testing.T) {
	d := &fakeDocker{}
	o := startDocker(t, d)
	img := imageOf(t, "amd64", layerOf("a"))
	p := open(t, o)
	if err := p.Tag(t.Context(), img); err == nil {
		t.Error("Tag before Put succeeds")
	}
	if err := p.Put(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	if len(d.images) != 1 || len(d.tags()) != 0 {
		t.Errorf("after Put there are %d images with names %v", len(d.images), d.tags())
	}
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Error(err)
	}
	if len(d.images) != 0 {
		t.Error("the image is still there")
	}
	// What another process named stays.
	if err := p.Put(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	d.images[configOf(t, img)].tags = []string{"theirs:latest"}
	if err := p.Close(); err != nil || len(d.images) != 1 {
		t.Errorf("Close = %v, it leaves %d images", err, len(d.images))
	}
}

func TestDockerCancelled(t *testing.T) {
	d := &fakeDocker{}
	o := startDocker(t, d)
	events := &recorded{}
	o.Events = events
	ctx, cancel := context.WithCancel(t.Context())
	p := open(t, o)
	err := p.Put(ctx, imageOf(t, "amd64", layerOf("a"), endless{layerOf("b"), cancel}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Put = %v", err)
	}
	if err := p.Close(); err != nil || len(d.images) > 0 {
		t.Errorf("Close = %v, there are %d images", err, len(d.images))
	}
	events.paired(t)
}

// A layer that can't be read is an error of the layer and not of the daemon.
func TestDockerBrokenLayer(t *testing.T) {
	d := &fakeDocker{}
	err := load(t, startDocker(t, d), imageOf(t, "amd64", broken{layerOf("something")}))
	if _, ok := errors.AsType[*publish.DigestError](err); !ok {
		t.Errorf("Put = %v, want a DigestError", err)
	}
	if len(d.images) > 0 {
		t.Error("there is an image")
	}
}

func TestDockerRefuses(t *testing.T) {
	on := func(path string, status int, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != path {
				return false
			}
			_, _ = io.Copy(io.Discard, r.Body)
			reply(w, status, body)
			return true
		}
	}
	for name, c := range map[string]struct {
		fault  func(http.ResponseWriter, *http.Request) bool
		api    string
		kind   Problem
		reason string
	}{
		"error in the stream": {on("/images/load", 200, `{"stream":"x"}{"errorDetail":{"message":"no space\nleft"}}`), "", Refused, "loading the image: no space left"},
		"old error":           {on("/images/load", 200, `{"error":"too bad"}`), "", Refused, "loading the image: too bad"},
		"not unpacked":        {on("/images/load", 200, `{"stream":"Loaded image ID: x\n"}{"stream":"Error unpacking image x: y\n"}`), "", Refused, "loading the image: Error unpacking image x: y"},
		"silence":             {on("/images/load", 200, ``), "", Refused, "loading the image: the daemon does not say that it did"},
		"half an answer":      {on("/images/load", 200, `{"stream":`), "", Unreachable, "the connection broke"},
		"nonsense":            {on("/images/load", 200, `<html>`), "", Refused, "is not docker's JSON"},
		"status":              {on("/images/load", 500, `{"message":"disk"}`), "", Refused, "the daemon answered 500: disk"},
		"plugin":              {on("/images/load", 403, `{"message":"authorization denied"}`), "", Denied, "the daemon answered 403: authorization denied"},
		"no daemon":           {on("/info", 404, ``), "", Unreachable, "is no docker daemon"},
		"broken daemon":       {on("/info", 503, ``), "", Refused, "the daemon answered 503: Service Unavailable"},
		"windows":             {on("/info", 200, `{"OSType":"windows"}`), "", Refused, "runs containers for windows, not linux"},
		"old":                 {nil, "1.18", TooOld, "speaks version 1.18 of docker's API; 1.22 is needed"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &fakeDocker{fault: c.fault, api: c.api}
			err := load(t, startDocker(t, d), imageOf(t, "amd64", layerOf("a")))
			e, ok := errors.AsType[*EngineError](err)
			if !ok || e.Kind != c.kind || !strings.Contains(e.Reason, c.reason) {
				t.Errorf("error %v (%+v), want %s: %s", err, e, c.kind, c.reason)
			}
			if len(d.tags()) > 0 {
				t.Error("there is a name")
			}
		})
	}
}

func TestDockerUnreachable(t *testing.T) {
	gone := tempSocket(t)
	deaf := tempSocket(t)
	l, err := net.Listen("unix", deaf)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	for name, c := range map[string]struct {
		env  string
		kind Problem
		want string
	}{
		"no socket": {"DOCKER_HOST=unix://" + gone, Unreachable, "no connection to unix://" + gone + ": no such file or directory"},
		"refused":   {"DOCKER_HOST=unix://" + deaf, Unreachable, "no connection to unix://" + deaf + ": connection refused"},
		"no CLI":    {"DOCKER_HOST=ssh://me@host", Missing, "there is no program docker in PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			p := open(t, Options{Kind: Docker, Env: []string{c.env}})
			err := p.(publish.Preparer).Prepare(t.Context(), nil)
			e, ok := errors.AsType[*EngineError](err)
			if !ok || e.Kind != c.kind || e.Error() != "docker: "+c.want {
				t.Errorf("error %v (%+v), want %s: %s", err, e, c.kind, c.want)
			}
		})
	}
}

// Whoever is not in docker's group can't connect. Root always can, so that for root
// the error is made up.
func TestDockerDenied(t *testing.T) {
	d := &fakeDocker{}
	o := startDocker(t, d)
	socket := strings.TrimPrefix(o.Env[0], "DOCKER_HOST=unix://")
	if err := os.Chmod(socket, 0); err != nil {
		t.Fatal(err)
	}
	err := open(t, o).(publish.Preparer).Prepare(t.Context(), nil)
	if err == nil {
		err = connectError(Docker, "unix://"+socket, &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", syscall.EACCES)})
	}
	e, ok := errors.AsType[*EngineError](err)
	if want := "docker: no connection to unix://" + socket + ": permission denied"; !ok || e.Kind != Denied || e.Error() != want {
		t.Errorf("%+v, want %s", err, want)
	}
}

// A daemon that gives up early is heard, however much there is still to send.
func TestDockerGivesUpEarly(t *testing.T) {
	d := &fakeDocker{fault: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/images/load" {
			return false
		}
		reply(w, 500, `{"message":"no space left"}`)
		return true
	}}
	err := load(t, startDocker(t, d), imageOf(t, "amd64", endless{layerOf("b"), func() {}}))
	if e, ok := errors.AsType[*EngineError](err); !ok || e.Kind != Refused || e.Reason != "the daemon answered 500: no space left" {
		t.Errorf("Put = %+v", err)
	}
}

// By TCP, with certificates for both sides.
func TestDockerTLS(t *testing.T) {
	d := &fakeDocker{images: map[string]*fakeImage{}, chains: map[string]bool{}}
	server, dir := tlsServer(t, d)
	env := []string{"DOCKER_HOST=tcp://" + server, "DOCKER_TLS_VERIFY=1", "DOCKER_CERT_PATH=" + dir}
	img := imageOf(t, "amd64", layerOf("a"))
	mustLoad(t, Options{Kind: Docker, Env: env}, img)
	if got := d.tags()[testName]; got != configOf(t, img) {
		t.Errorf("the name is at %q", got)
	}
	if err := os.Remove(filepath.Join(dir, "ca.pem")); err != nil {
		t.Fatal(err)
	}
	err := load(t, Options{Kind: Docker, Env: env}, img)
	if e, ok := errors.AsType[*EngineError](err); !ok || e.Kind != Unreachable || !strings.Contains(e.Reason, "certificate") {
		t.Errorf("without the CA: %v", err)
	}
}
