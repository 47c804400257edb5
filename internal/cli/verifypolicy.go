package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/pflag"

	"github.com/imgo-build/imgo/internal/attest"
	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/pkg/build"
	"github.com/imgo-build/imgo/pkg/imgo"
)

// policyFlags are those of imgo verify that are about the policy of the configuration.
type policyFlags struct {
	wanted        bool
	config, image string
	requireGiven  bool // by a flag or a variable
	demand        config.Demand
	others        []attest.Trust // besides the first whom the configuration trusts
}

func (f *policyFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&f.wanted, "policy", false, "hold the images to the policy of .imgo.yaml too; without other flags, its trust says whom you trust and its require what has to be there")
	flags.StringVar(&f.config, "config", "", "configuration `FILE` with the policy, instead of the .imgo.yaml found here or above")
	flags.StringVar(&f.image, "image", "", "`NAME` of the image in the configuration whose policy counts, instead of that of defaults")
}

// resolve reads the policy.
func (f *policyFlags) resolve(a *app, o *verifyOptions) (err error) {
	if !f.wanted {
		for name, value := range map[string]string{"config": f.config, "image": f.image} {
			if value != "" && !a.fromEnv[name] {
				return &build.UsageError{Reason: fmt.Sprintf("--%s says where a policy is: add --policy", name)}
			}
		}
		return nil
	}
	f.demand, err = config.Demands(config.Input{Dir: a.Dir, Config: f.config, Given: map[string]string{}}, f.image)
	if err != nil || !f.demand.Policy.Has(policy.Require) {
		return err
	}
	if !f.requireGiven {
		o.require = nil
	}
	for _, word := range f.demand.Policy.Require {
		if !slices.Contains(o.require, word) {
			o.require = append(o.require, word)
		}
	}
	return nil
}

// whom makes of the configuration whom to trust. What else the flags say counts for all.
func (f *policyFlags) whom(o *verifyOptions) error {
	var list []attest.Trust
	for _, s := range f.demand.Trust {
		t := o.trust
		t.Identity, t.IdentityRegexp, t.Issuer, t.IssuerRegexp = s.Identity, s.IdentityRegexp, s.Issuer, s.IssuerRegexp
		t.IgnoreLog = t.IgnoreLog || s.NoLog
		if s.Key != "" {
			key, err := os.ReadFile(s.Key)
			if err != nil {
				return fmt.Errorf("reading the key that %s trusts: %w", f.demand.File, err)
			}
			t.KeyPEM = string(key)
		}
		list = append(list, t)
	}
	o.trust, f.others = list[0], list[1:]
	return nil
}

// options are what an image is verified by.
func (o *verifyOptions) options() imgo.VerifyOptions {
	return imgo.VerifyOptions{
		Trust: o.trust, Others: o.policy.others, Policy: o.policy.demand.Policy, AllowSecrets: o.policy.demand.AllowSecrets,
	}
}

// policyText is the report about a policy for people.
func policyText(r *imgo.PolicyReport) string {
	if r == nil || len(r.Rules) == 0 {
		return ""
	}
	var b strings.Builder
	list := violations(r)
	var held []string
	for _, rule := range r.Rules {
		if !slices.ContainsFunc(list, func(v policy.Violation) bool { return v.Rule == rule }) {
			held = append(held, string(rule))
		}
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	if len(held) > 0 {
		fmt.Fprintf(w, "  ok\tpolicy\t%s\n", strings.Join(held, ", "))
	}
	for _, line := range policy.Explain(list, nil) {
		fmt.Fprintf(w, "  FAILED\tpolicy\t%s\n", line)
	}
	w.Flush()
	return b.String()
}

func violations(r *imgo.PolicyReport) []policy.Violation {
	var out []policy.Violation
	for _, v := range r.Violations {
		out = append(out, policy.Violation{Rule: v.Rule, Platform: v.Platform, Subject: v.Subject, Value: v.Value, Unknown: v.Unknown, Text: v.Text})
	}
	return out
}

// policyFailure says that the policy does not hold.
func policyFailure(v *imgo.Verification) error {
	if v.Policy == nil || v.Policy.Holds {
		return nil
	}
	return &build.PolicyError{Name: v.Reference, Violations: violations(v.Policy)}
}
