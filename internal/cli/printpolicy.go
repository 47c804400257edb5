package cli

import (
	"fmt"
	"strings"

	"github.com/imgo-build/imgo/internal/config"
	"github.com/imgo-build/imgo/internal/policy"
	"github.com/imgo-build/imgo/pkg/build"
)

// policySettings lists the rules that an image is held to.
func policySettings(s *build.Settings, pushed bool) []jsonSetting {
	var out []jsonSetting
	for _, r := range s.Policy.Rules() {
		value := strings.TrimSpace(string(r) + " " + ruleText(s.Policy, r))
		if r == policy.Require && !pushed {
			value = string(r) + ": only where it is pushed"
		}
		out = append(out, jsonSetting{Name: "policy", Value: value, From: s.Origins[config.PolicyRule+string(r)]})
	}
	return out
}

// ruleText is what a rule demands, where that is more than its name.
func ruleText(p *policy.Policy, r policy.Rule) string {
	switch r {
	case policy.MaxSize:
		return fmt.Sprintf("%d bytes", p.MaxSize)
	case policy.MaxLayers:
		return fmt.Sprint(p.MaxLayers)
	case policy.Bases:
		return strings.Join(p.Bases, ", ")
	case policy.Require:
		return strings.Join(p.Require, ", ")
	case policy.LicensesRule:
		var parts []string
		for _, list := range []struct {
			word string
			ids  []string
		}{{"allow", p.Licenses.Allow}, {"deny", p.Licenses.Deny}} {
			if len(list.ids) > 0 {
				parts = append(parts, list.word+" "+strings.Join(list.ids, ", "))
			}
		}
		if p.Licenses.Unknown != "" {
			parts = append(parts, p.Licenses.Unknown+" unknown")
		}
		return strings.Join(parts, "; ")
	}
	return ""
}
