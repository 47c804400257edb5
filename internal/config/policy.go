package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/configfile"
	"github.com/imgo-build/imgo/internal/policy"
)

// PolicyRule begins the name of an origin of a rule: "policy.nonRoot".
const PolicyRule = "policy."

// rules is what an image is held to, and where each rule comes from. No flag changes one:
// a policy that can be switched off for a run is none.
func rules(s *configfile.Settings, origins map[string]string) *policy.Policy {
	p := s.Policy.Rules()
	for _, r := range p.Rules() {
		origins[PolicyRule+string(r)] = s.Policy.Pos(r).String()
	}
	return p
}

// Demand is what the configuration demands of images that were built before.
type Demand struct {
	File         string         // as messages name it
	Policy       *policy.Policy // nil: no rules
	Trust        []Signer       // any of these; none where the file doesn't say
	AllowSecrets []string       // names and paths that may look like secrets
}

// Signer is someone whose signatures count.
type Signer struct {
	Key                      string // path of a public key, absolute; else an identity and its issuer
	NoLog                    bool   // what the key signed need not be in a transparency log
	Identity, IdentityRegexp string
	Issuer, IssuerRegexp     string
}

// Demands reads the policy of the configuration: that of an image that it names, or of
// `defaults` where the name is empty.
func Demands(in Input, image string) (Demand, error) {
	r := resolver{in: in}
	dir := r.dir()
	file := r.file(dir)
	if len(r.errs) > 0 {
		return Demand{}, errors.Join(r.errs...)
	}
	if file.Path == "" {
		return Demand{}, &Error{Setting: "--policy", Reason: "there is no .imgo.yaml here or above that could have a policy: name one with --config"}
	}
	s, err := settingsFor(file, image)
	if err != nil {
		return Demand{}, err
	}
	r.fileDir = file.Dir
	out := Demand{File: file.Path, Policy: s.Policy.Rules(), AllowSecrets: s.AllowSecrets.Strings()}
	for _, t := range s.Policy.Trust.Items {
		signer := Signer{
			NoLog: t.Log.IsSet() && !t.Log.V, Identity: t.Identity.V, IdentityRegexp: t.IdentityRegexp.V,
			Issuer: t.Issuer.V, IssuerRegexp: t.IssuerRegexp.V,
		}
		if t.Key.IsSet() {
			signer.Key = r.path(t.Key.V, t.Key.Pos)
		}
		out.Trust = append(out.Trust, signer)
	}
	if out.Policy == nil && out.Trust == nil {
		return Demand{}, noPolicy(file, image)
	}
	return out, nil
}

func settingsFor(file *configfile.File, image string) (configfile.Settings, error) {
	if image == "" {
		return file.Defaults, nil
	}
	i := slices.IndexFunc(file.Images, func(i configfile.Image) bool { return i.Name == image })
	if i < 0 {
		return configfile.Settings{}, &Error{Setting: "--image", Reason: fmt.Sprintf("%s has no image %q%s", file.Path, image, only(file))}
	}
	return file.Images[i].Settings.Over(file.Defaults), nil
}

func only(file *configfile.File) string {
	var names []string
	for _, i := range file.Images {
		names = append(names, i.Name)
	}
	if len(names) == 0 {
		return ""
	}
	return ", only " + strings.Join(names, ", ")
}

// noPolicy says where a policy is missing, and that images have one where only they do.
func noPolicy(file *configfile.File, image string) error {
	what := "defaults"
	if image != "" {
		what = "image " + image
	}
	e := &Error{Setting: "--policy", Reason: fmt.Sprintf("%s says no policy of %s", file.Path, what)}
	has := func(i configfile.Image) bool { return i.Policy.Rules() != nil }
	if i := slices.IndexFunc(file.Images, has); image == "" && i >= 0 {
		e.Reason += fmt.Sprintf(", but of images: --image %s", file.Images[i].Name)
	}
	return e
}
