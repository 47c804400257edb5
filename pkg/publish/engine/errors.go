package engine

import (
	"fmt"
	"strings"
)

// Problem is what kind of thing is wrong with an engine.
type Problem string

// The problems, each with another remedy.
const (
	// Missing is a program that is not in PATH; Where is its name.
	Missing Problem = "missing"
	// Unreachable is an engine that does not run, or not there; Where is the address.
	Unreachable Problem = "unreachable"
	// Denied is an engine that this user may not use; Where is the address.
	Denied Problem = "denied"
	// TooOld is an engine that lacks what is needed; Where is its version.
	TooOld Problem = "too old"
	// NoCluster is a kind cluster that does not exist; Where is its name.
	NoCluster Problem = "no cluster"
	// Misconfigured is a setting (DOCKER_HOST, a docker context, a certificate) that
	// names no engine; Where is the setting.
	Misconfigured Problem = "misconfigured"
	// Refused is an engine that does not accept the image, or fails in doing so.
	Refused Problem = "refused"
)

// EngineError says that a local engine can't take an image.
type EngineError struct {
	Engine string // docker, podman, containerd or kind
	Kind   Problem
	Reason string // in one line
	Where  string // see [Problem]; may be empty
	Err    error  // may be nil
}

func (e *EngineError) Error() string { return e.Engine + ": " + e.Reason }
func (e *EngineError) Unwrap() error { return e.Err }

// ArgumentError is a value of --load that names no engine.
type ArgumentError struct {
	Input      string
	Reason     string
	Suggestion string // what was probably meant, or empty
}

func (e *ArgumentError) Error() string {
	s := fmt.Sprintf("engine %q: %s", e.Input, e.Reason)
	if e.Suggestion != "" {
		s += fmt.Sprintf(", did you mean %q?", e.Suggestion)
	}
	return s
}

// oneLine makes what an engine says fit into an error of ours.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	const limit = 400
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}
