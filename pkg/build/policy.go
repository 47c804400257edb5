package build

import (
	"context"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/pkg/image"
)

// Judge holds images to the policies of their targets. It is called when an image is
// made, or was read, and nothing of it is written or pushed yet; without a policy it is
// not called. What a policy requires to be said beside an image is not its concern: see
// [NewPlan].
type Judge interface {
	Judge(ctx context.Context, m *Made) ([]policy.Violation, error)
}

// PolicyError is an image that is not as its policy demands.
type PolicyError struct {
	Name       string                 // of the image
	Violations []policy.Violation     // at least one, in the order of rules
	Where      map[policy.Rule]string // in the configuration, of the rules that are broken
}

// Error has a line for each violation.
func (e *PolicyError) Error() string {
	lines := policy.Explain(e.Violations, func(r policy.Rule) string { return e.Where[r] })
	return fmt.Sprintf("image %s breaks its policy:\n%s", e.Name, strings.Join(lines, "\n"))
}

func (t *Target) broken(list []policy.Violation) error {
	if len(list) == 0 {
		return nil
	}
	e := &PolicyError{Name: t.Name, Violations: list, Where: map[policy.Rule]string{}}
	for _, v := range list {
		e.Where[v.Rule] = t.Settings.Origins["policy."+string(v.Rule)]
	}
	return e
}

// keepsPromises says before anything is built what a policy requires to be said of an
// image and the settings don't have said. Only a registry has a place for any of it. All
// of it has to be signed: what nobody answers for can't be verified.
func (t *Target) keepsPromises(to OutputKind) error {
	if to != ToRegistry || !t.Settings.Policy.Has(policy.Require) || t.Err() != nil {
		return nil
	}
	a := &t.Settings.Attest
	made := map[string]bool{policy.Signature: true, policy.SBOM: len(a.SBOM) > 0, policy.Provenance: a.Provenance}
	var list []policy.Violation
	for _, want := range t.Settings.Policy.Require {
		v := policy.Violation{Rule: policy.Require, Subject: want}
		switch {
		case !made[want] && t.Artifact != nil:
			v.Text = fmt.Sprintf("an image that was built before gets no %s", want)
		case !made[want]:
			v.Text = fmt.Sprintf("the image gets no %s: it is switched off", want)
		case a.Sign == nil && want == policy.Signature:
			v.Text = "the image is not signed"
		case a.Sign == nil:
			v.Text = fmt.Sprintf("the %s is not signed, and counts for nobody", want)
		default:
			continue
		}
		list = append(list, v)
	}
	return t.broken(list)
}

// judge holds what was made for a target to its policy.
func (r *run) judge(ctx context.Context, i int, artifact image.Artifact, images []v1.Image) error {
	t := &r.plan.Targets[i]
	if t.Settings.Policy == nil || r.stages.Judge == nil {
		return nil
	}
	m, err := r.outcome(i, artifact, images)
	if err != nil {
		return err
	}
	list, err := r.stages.Judge.Judge(ctx, m)
	if err != nil {
		return fmt.Errorf("holding %s to its policy: %w", t.Name, err)
	}
	return t.broken(list)
}
