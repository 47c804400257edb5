package engine

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/environ"
	"github.com/imgo-build/imgo/pkg/event"
	"github.com/imgo-build/imgo/pkg/publish"
)

// Options say which engine, and how images are to be called there.
type Options struct {
	// Kind is one of [Kinds].
	Kind string
	// Cluster is the name of a kind cluster; empty for [DefaultCluster].
	Cluster string
	// Env is the environment, as KEY=VALUE, in which the engine is looked for: PATH,
	// HOME, DOCKER_HOST, DOCKER_CONTEXT, DOCKER_CONFIG, DOCKER_TLS_VERIFY,
	// DOCKER_CERT_PATH, XDG_RUNTIME_DIR, CONTAINERD_ADDRESS, CONTAINERD_NAMESPACE,
	// KIND_EXPERIMENTAL_PROVIDER, and whatever the engines' programs read themselves.
	Env []string
	// Tags are the names that the image gets; there is at least one.
	Tags []name.Tag
	// Platform is the one that docker and podman get of several. The zero value stands
	// for Linux on the architecture that imgo runs on.
	Platform v1.Platform
	// Events receives the progress; nil drops it.
	Events event.Sink
}

// New returns a Publisher for an engine, which also has a method Names() []string
// and implements [publish.Preparer]. Nothing is asked of the engine yet.
func New(o Options) (publish.Publisher, error) {
	if len(o.Tags) == 0 {
		return nil, errors.New("an image for a local engine needs a name")
	}
	l := &loader{kind: o.Kind, events: o.Events, platform: o.Platform}
	if l.events == nil {
		l.events = event.Discard
	}
	if l.platform.Architecture == "" {
		l.platform = v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	}
	for _, t := range o.Tags {
		if n := publish.FullName(t); !slices.Contains(l.names, n) {
			l.names = append(l.names, n)
		}
	}
	env := environ.Environ(slices.Clone(o.Env))
	switch o.Kind {
	case Docker:
		l.connector = dockerConnector(env)
	case Podman:
		l.connector = podmanConnector(env, l.names[0])
	case Containerd:
		l.connector, l.all = containerdConnector(env), true
	case Kind:
		cluster := o.Cluster
		if cluster == "" {
			cluster = DefaultCluster
		}
		l.connector, l.all = kindConnector(env, cluster), true
	default:
		return nil, fmt.Errorf("there is no engine %q", o.Kind)
	}
	return l, nil
}
