package engine

import (
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/spelling"

	"github.com/imgo-build/imgo/internal/pattern"
)

// The engines, by the names that --load takes.
const (
	Docker     = "docker"
	Podman     = "podman"
	Containerd = "containerd"
	Kind       = "kind"
)

// Kinds lists the engines.
func Kinds() []string { return []string{Docker, Podman, Containerd, Kind} }

// DefaultCluster is kind's own.
const DefaultCluster = "kind"

var clusterName = pattern.New(`^[a-z0-9][a-z0-9.-]*$`)

// Parse reads the value of --load: an engine, or kind:NAME for a cluster that has
// another name than kind's own. The error is an [*ArgumentError].
func Parse(arg string) (kind, cluster string, err error) {
	kind, cluster, named := strings.Cut(arg, ":")
	fail := func(reason, suggestion string) (string, string, error) {
		return "", "", &ArgumentError{Input: arg, Reason: reason, Suggestion: suggestion}
	}
	switch {
	case !slices.Contains(Kinds(), kind):
		return fail("it is none of "+strings.Join(Kinds(), ", "), nearest(kind))
	case kind != Kind && named:
		return fail("only kind has clusters to choose from", kind)
	case kind != Kind:
		return kind, "", nil
	case !named:
		return kind, DefaultCluster, nil
	case !clusterName.MatchString(cluster):
		return fail("a cluster's name consists of lower-case letters, digits, dots and hyphens", "")
	}
	return kind, cluster, nil
}

// nearest is the engine that a word probably means, or empty.
func nearest(word string) string {
	word = strings.ToLower(strings.TrimSpace(word))
	switch word {
	case "nerdctl", "ctr", "k3s":
		return Containerd
	case "moby", "dockerd":
		return Docker
	}
	best, distance := "", 3
	for _, k := range Kinds() {
		if d := spelling.Distance(word, k); d < distance && d < len(k)-1 {
			best, distance = k, d
		}
	}
	return best
}
