package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/imgo-build/imgo/internal/environ"
	"github.com/imgo-build/imgo/internal/pattern"
)

// kindConnector finds the nodes of a cluster. Each is a container with a containerd,
// which is spoken to by the ctr in it.
func kindConnector(env environ.Environ, cluster string) connector {
	return func(ctx context.Context) ([]store, error) {
		kind, err := findProgram(Kind, "kind", env)
		if err != nil {
			return nil, err
		}
		provider, err := kindProvider(env)
		if err != nil {
			return nil, err
		}
		out, err := kind.run(ctx, nil, "get", "nodes", "--name", cluster)
		if err != nil {
			return nil, err
		}
		nodes := slices.DeleteFunc(strings.Fields(out), func(n string) bool {
			return strings.HasSuffix(n, "-external-load-balancer") // of a cluster with several masters; it has no images
		})
		if i := slices.IndexFunc(nodes, func(n string) bool { return !nodeName.MatchString(n) }); i >= 0 {
			return nil, &EngineError{Engine: Kind, Kind: Refused, Where: "kind", Reason: fmt.Sprintf("kind names a node %q", nodes[i])}
		}
		if len(nodes) == 0 {
			return nil, &EngineError{Engine: Kind, Kind: NoCluster, Where: cluster,
				Reason: fmt.Sprintf("there is no cluster %q", cluster)}
		}
		return nodeStores(ctx, provider, nodes)
	}
}

// nodeName is what containers can be called, and no option.
var nodeName = pattern.New(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)

// kindProvider is the program that runs the nodes. kind itself chooses in this order.
func kindProvider(env environ.Environ) (*program, error) {
	if p := env.Get("KIND_EXPERIMENTAL_PROVIDER"); p != "" {
		if !slices.Contains([]string{"docker", "podman", "nerdctl", "finch"}, p) {
			return nil, &EngineError{Engine: Kind, Kind: Misconfigured, Where: "KIND_EXPERIMENTAL_PROVIDER",
				Reason: fmt.Sprintf("KIND_EXPERIMENTAL_PROVIDER is %q, which is none of docker, podman, nerdctl and finch", p)}
		}
		return findProgram(Kind, p, env)
	}
	for _, p := range []string{"docker", "nerdctl", "podman"} {
		if _, ok := env.Program(p); ok {
			return findProgram(Kind, p, env)
		}
	}
	return findProgram(Kind, "docker", env)
}

func nodeStores(ctx context.Context, provider *program, nodes []string) ([]store, error) {
	out := make([]store, len(nodes))
	g, ctx := errgroup.WithContext(ctx)
	for i, n := range nodes {
		g.Go(func() error {
			config, err := provider.run(ctx, nil, "exec", n, "containerd", "config", "dump")
			if err != nil {
				return err
			}
			s := &containerdStore{label: "kind node " + n, ctr: provider.with("exec", "-i", n, "ctr", "--namespace", "k8s.io")}
			if snapshotter := kubernetesSnapshotter(config); snapshotter != "" {
				s.options = []string{"--snapshotter", snapshotter}
			}
			out[i] = s
			return nil
		})
	}
	return out, g.Wait()
}

var snapshotterLine = pattern.New(`^\s*snapshotter\s*=\s*["']([a-zA-Z0-9._-]+)["']\s*$`)

// kubernetesSnapshotter is where a containerd unpacks images for Kubernetes, as its
// configuration says in the sections of the CRI plugin, or empty. (overlayfs is the
// usual one, but not on every file system.)
func kubernetesSnapshotter(config string) string {
	cri := false
	for line := range strings.Lines(config) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			cri = strings.Contains(line, "io.containerd.grpc.v1.cri") || strings.Contains(line, "io.containerd.cri.v1.images")
		} else if m := snapshotterLine.FindStringSubmatch(line); cri && m != nil {
			return m[1]
		}
	}
	return ""
}
