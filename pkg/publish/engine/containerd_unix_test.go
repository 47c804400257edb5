//go:build unix

package engine

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const fakeCtr = `while [ "${1#--}" != "$1" ]; do shift 2; done
case "$1 $2" in
"content ls") cat $S/content ;;
"images ls") cat $S/refs ;;
"images import")
	cat >$S/stdin
	tar -tf $S/stdin | sed -n 's#^blobs/sha256/#sha256:#p' >>$S/content
	tar -xOf $S/stdin index.json >>$S/indexes
	;;
esac
`

func (p *programs) ctrState(name string) {
	for _, f := range []string{"content", "refs"} {
		p.file(filepath.Join(name, f), "")
	}
}

func TestContainerd(t *testing.T) {
	p := newPrograms(t)
	p.add("ctr", "S=$D/store\n"+fakeCtr)
	p.ctrState("store")
	socket := tempSocket(t)
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	o := Options{Kind: Containerd, Env: p.env("CONTAINERD_ADDRESS="+socket, "CONTAINERD_NAMESPACE=ns")}
	ctr := "ctr --address " + socket + " --namespace ns "
	amd := imageOf(t, "amd64", layerOf("base"), layerOf("one"))
	idx := indexOf(amd, imageOf(t, "arm64", layerOf("base"), layerOf("arm")))
	holding := "example.com/app/server@" + digestOf(t, idx).String()

	mustLoad(t, o, idx, testName)
	want := []string{
		ctr + "content ls -q",
		ctr + "images import --all-platforms -",
		ctr + "images import --all-platforms --no-unpack -",
		ctr + "images rm " + holding,
	}
	if diff := cmp.Diff(want, p.log()); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(metadata, p.entries("store/stdin")); diff != "" {
		t.Errorf("what moves the names (-want +got):\n%s", diff)
	}
	indexes, _ := os.ReadFile(filepath.Join(p.dir, "store", "indexes"))
	for _, n := range []string{holding, testName} {
		if strings.Count(string(indexes), strconv.Quote(n)) != 1 {
			t.Errorf("%s is not named once in %s", n, indexes)
		}
	}

	// The store has all of it, as an image of another name.
	p.file("store/refs", "example.com/other:v1\n")
	mustLoad(t, o, idx, testName)
	want = []string{
		ctr + "content ls -q",
		ctr + "images ls -q target.digest==" + digestOf(t, idx).String(),
		ctr + "images import --all-platforms --no-unpack -",
	}
	if diff := cmp.Diff(want, p.log()); diff != "" {
		t.Errorf("commands for another name (-want +got):\n%s", diff)
	}
	p.file("store/refs", testName+"\n")
	mustLoad(t, o, idx, testName)
	if log := p.log(); len(log) != 2 {
		t.Errorf("commands for the same again: %q", log)
	}

	// Another image on the same base.
	p.file("store/refs", "")
	pub := open(t, o)
	second := imageOf(t, "amd64", layerOf("base"), layerOf("two"))
	if err := pub.Put(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(slices.Delete(parts(t, second), 2, 3), metadata...), p.entries("store/stdin")); diff != "" {
		t.Errorf("what containerd got of the second image (-want +got):\n%s", diff)
	}
	if err := pub.Close(); err != nil {
		t.Fatal(err)
	}
	log := p.log()
	if want := ctr + "images rm example.com/app/server@" + digestOf(t, second).String(); log[len(log)-1] != want {
		t.Errorf("Close without Tag: %q", log)
	}
}

func TestContainerdCollects(t *testing.T) {
	p := newPrograms(t)
	p.add("ctr", "S=$D/store\n"+fakeCtr+`[ "$1 $2" = "images import" ] && [ ! -e $D/once ] && >$D/once && >$D/store/content`+"\nexit 0\n")
	p.ctrState("store")
	img := imageOf(t, "amd64", layerOf("base"))
	p.file("store/content", strings.Join(parts(t, img)[2:], "\n"))
	s := &containerdStore{label: Containerd, ctr: &program{engine: Containerd, name: "ctr", path: filepath.Join(p.dir, "bin", "ctr"), env: p.env()}}
	l := open(t, Options{Kind: Containerd}).(*loader)
	l.connector = func(context.Context) ([]store, error) { return []store{s}, nil }
	if err := l.Put(t.Context(), img); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(parts(t, img), metadata...), p.entries("store/stdin")); diff != "" {
		t.Errorf("what containerd got (-want +got):\n%s", diff)
	}
}

func TestContainerdUnreachable(t *testing.T) {
	p := newPrograms(t)
	p.add("ctr", "")
	socket := tempSocket(t)
	err := load(t, Options{Kind: Containerd, Env: p.env("CONTAINERD_ADDRESS=" + socket)}, imageOf(t, "amd64"))
	e, ok := errors.AsType[*EngineError](err)
	if !ok || e.Kind != Unreachable || e.Error() != "containerd: no connection to "+socket+": no such file or directory" {
		t.Errorf("%v", err)
	}
}

func TestKind(t *testing.T) {
	p := newPrograms(t)
	p.add("kind", `cat $D/nodes`)
	p.add("docker", `shift; [ "$1" = -i ] && shift
S=$D/$1
shift
[ $1 = containerd ] && exec cat $D/config
shift
`+fakeCtr)
	p.file("nodes", "dev-control-plane\ndev-worker\ndev-external-load-balancer\n")
	p.file("config", "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n  snapshotter = \"native\"\n")
	p.ctrState("dev-control-plane")
	p.ctrState("dev-worker")
	img := imageOf(t, "amd64", layerOf("base"), layerOf("one"))
	p.file("dev-worker/content", parts(t, img)[2]+"\n")
	events := &recorded{}
	o := Options{Kind: Kind, Cluster: "dev", Env: p.env(), Events: events}
	mustLoad(t, o, img)

	on := func(node string) []string {
		ctr := "docker exec -i " + node + " ctr --namespace k8s.io "
		return []string{
			"docker exec " + node + " containerd config dump",
			ctr + "content ls -q",
			ctr + "images import --all-platforms --snapshotter native -",
			ctr + "images import --all-platforms --no-unpack -",
			ctr + "images rm example.com/app/server@" + digestOf(t, img).String(),
		}
	}
	want := slices.Concat(
		[]string{"kind get nodes --name dev", "docker exec -i dev-worker ctr --namespace k8s.io content ls -q"}, // once more, after the import
		on("dev-control-plane"), on("dev-worker"))
	if diff := cmp.Diff(sorted(want), sorted(p.log())); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	for node, layers := range map[string]int{"dev-control-plane": 2, "dev-worker": 2} {
		raw, _ := os.ReadFile(filepath.Join(p.dir, node, "content"))
		if n := len(strings.Fields(string(raw))); n != 2+layers {
			t.Errorf("%s has %d blobs", node, n)
		}
	}
	wantEvents := []string{
		"push " + testName + " to kind node dev-control-plane: ",
		"push " + testName + " to kind node dev-worker: 1 of 2 layers exist",
		"tag " + testName + ": ", "tag " + testName + ": ",
	}
	if diff := cmp.Diff(wantEvents, sorted(events.ends())); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestKindErrors(t *testing.T) {
	for name, c := range map[string]struct {
		kind, docker string
		env          string
		want         Problem
		where        string
	}{
		"no cluster": {`echo "No kind nodes found for cluster dev." >&2`, "", "", NoCluster, "dev"},
		"stopped":    {`echo dev-control-plane`, `echo "Error response from daemon: container x is not running" >&2; exit 1`, "", Unreachable, "docker"},
		"no docker":  {`echo "Cannot connect to the Docker daemon. Is the docker daemon running?" >&2; exit 1`, "", "", Unreachable, "kind"},
		"odd node":   {`echo --privileged`, "", "", Refused, "kind"},
		"provider":   {`echo n`, "", "KIND_EXPERIMENTAL_PROVIDER=lxc", Misconfigured, "KIND_EXPERIMENTAL_PROVIDER"},
		"missing":    {`echo n`, "", "KIND_EXPERIMENTAL_PROVIDER=finch", Missing, "finch"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPrograms(t)
			p.add("kind", c.kind)
			p.add("docker", c.docker)
			env := append(p.env(), "PATH="+filepath.Join(p.dir, "bin"), c.env)
			err := load(t, Options{Kind: Kind, Cluster: "dev", Env: env}, imageOf(t, "amd64"))
			if e, ok := errors.AsType[*EngineError](err); !ok || e.Kind != c.want || e.Where != c.where || e.Engine != Kind {
				t.Errorf("%+v, want %s about %s", err, c.want, c.where)
			}
		})
	}
}

func TestKubernetesSnapshotter(t *testing.T) {
	for config, want := range map[string]string{
		"[plugins.'io.containerd.cri.v1.images']\n  snapshotter = 'overlayfs'\n":                             "overlayfs",
		"[plugins]\nsnapshotter = \"x\"\n[plugins.\"io.containerd.transfer.v1.local\"]\nsnapshotter = \"y\"": "",
		"[plugins.\"io.containerd.grpc.v1.cri\".containerd]\nsnapshotter = \"\"":                             "",
		"": "",
	} {
		if got := kubernetesSnapshotter(config); got != want {
			t.Errorf("%q: %q, want %q", config, got, want)
		}
	}
}
