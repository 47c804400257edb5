package policy

import (
	"strings"
	"testing"
)

func TestLicenses(t *testing.T) {
	mit := Licenses{Allow: []string{"MIT", "Apache-2.0", "LicenseRef-ours"}}
	noGPL := Licenses{Deny: []string{"GPL-2.0", "AGPL-3.0-or-later", "LicenseRef-theirs"}}
	lenient := Licenses{Deny: noGPL.Deny, Unknown: Allow}
	both := Licenses{Allow: []string{"MIT", "GPL-2.0-only WITH Classpath-exception-2.0", "LGPL-2.1-or-later"}, Deny: []string{"GPL-2.0-only"}}
	for _, c := range []struct {
		list Licenses
		text string
		want verdict
	}{
		{mit, "MIT", allowed},
		{mit, "mit", allowed},
		{mit, "BSD-3-Clause", denied},
		{mit, "MIT AND Apache-2.0", allowed},
		{mit, "MIT AND BSD-3-Clause", denied},
		{mit, "MIT OR BSD-3-Clause", allowed},
		{mit, "BSD-3-Clause OR ISC", denied},
		{mit, "BSD-3-Clause or MIT", allowed},
		{mit, "MIT OR BSD-3-Clause AND ISC", allowed}, // and binds tighter
		{mit, "(MIT OR BSD-3-Clause) AND ISC", denied},
		{mit, "((MIT)OR(ISC))AND(Apache-2.0 OR ISC)", allowed},
		{mit, "Apache-2.0 WITH LLVM-exception", allowed},
		{mit, "ISC WITH LLVM-exception", denied},
		{mit, "Apache-2.0+", allowed},
		{mit, "LicenseRef-ours", allowed},
		{mit, "LicenseRef-other", untold},
		{mit, "DocumentRef-x:LicenseRef-other", untold},
		{mit, "NOASSERTION", untold},
		{mit, "NONE", untold},
		{mit, "", untold},
		{mit, "see the file", untold},
		{mit, "MIT AND", untold},
		{mit, "MIT OR (", untold},
		{mit, "MIT)", untold},
		{mit, "MIT MIT", untold},
		{mit, "MIT And MIT", untold},
		{mit, "MIT WITH", untold},
		{mit, "OR", untold},
		{mit, "MIT AND NOASSERTION", untold},
		{mit, "ISC AND NOASSERTION", denied},
		{mit, "MIT OR NOASSERTION", allowed},
		{mit, "ISC OR NOASSERTION", untold},

		{noGPL, "MIT", allowed},
		{noGPL, "GPL-2.0", denied},
		{noGPL, "gpl-2.0-only", denied},
		{noGPL, "GPL-2.0+", denied},
		{noGPL, "GPL-2.0-or-later", denied},
		{noGPL, "GPL-2.0-or-later WITH GCC-exception-2.0", denied},
		{noGPL, "GPL-2.0-only OR MIT", allowed},
		{noGPL, "GPL-2.0-only AND MIT", denied},
		{noGPL, "AGPL-3.0+", denied},
		{noGPL, "AGPL-3.0-only", allowed}, // what is denied is another
		{noGPL, "LicenseRef-theirs", denied},
		{noGPL, "LicenseRef-other", untold},
		{noGPL, "", untold},

		{lenient, "", allowed},
		{lenient, "see the file", allowed},
		{lenient, "NOASSERTION", allowed},
		{lenient, "GPL-2.0 AND NOASSERTION", denied},
		{lenient, "LicenseRef-theirs", denied},

		{both, "GPL-2.0 WITH Classpath-exception-2.0", allowed}, // the more exact entry
		{both, "GPL-2.0-only", denied},
		{both, "GPL-2.0-only WITH GCC-exception-2.0", denied},
		{both, "LGPL-2.1-or-later", allowed},
		{both, "LGPL-2.1-only", denied},

		{Licenses{Unknown: Deny}, "ISC", allowed},
		{Licenses{Unknown: Deny}, "", untold},
		{Licenses{Unknown: "alow", Deny: []string{"MIT"}}, "", untold}, // not valid
		{Licenses{Allow: []string{}}, "MIT", denied},                   // likewise
	} {
		found := (&Policy{Licenses: c.list}).Check(Facts{LicensesKnown: true, Licenses: map[string][]string{"m": {c.text}}})
		got := allowed
		if len(found) > 0 {
			got = denied
			if found[0].Unknown {
				got = untold
			}
		}
		if got != c.want {
			t.Errorf("%+v: %q is %d, not %d: %+v", c.list, c.text, got, c.want, found)
		}
	}
}

func TestExpressionsAreBounded(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("(", n) + "MIT" + strings.Repeat(")", n) }
	if _, ok := parse(nested(maxNesting)); !ok {
		t.Error("as deep as is allowed: not read")
	}
	if _, ok := parse(nested(maxNesting + 1)); ok {
		t.Error("deeper than is allowed: read")
	}
	if _, ok := parse("(MIT)" + strings.Repeat(" AND (MIT)", 2*maxNesting)); !ok {
		t.Error("parentheses beside each other count as depth")
	}
}

// An expression that says more is never allowed where a part that it can't do without is
// not, and what can't be read is never allowed.
func FuzzJudge(f *testing.F) {
	for _, s := range []string{"MIT", "MIT AND ISC", "(MIT OR ISC) AND Zlib", "GPL-2.0+ WITH x", "((", "mit or", "a:b"} {
		f.Add(s)
	}
	list := newLists(Licenses{Allow: []string{"MIT"}, Deny: []string{"GPL-2.0"}})
	f.Fuzz(func(t *testing.T, text string) {
		e, ok := parse(text)
		got := list.judge(text)
		if !ok {
			if got != untold {
				t.Errorf("%q can't be read and is %d", text, got)
			}
			return
		}
		if e.judge(list) != got {
			t.Errorf("%q: judged in two ways", text)
		}
		// One more pair of parentheses may be too deep, which is unknown then.
		for with, want := range map[string]verdict{") AND (GPL-2.0)": denied, ") AND (MIT)": got, ") OR (MIT)": allowed, ") OR (GPL-2.0)": got} {
			if v := list.judge("(" + text + with); v != want && v != untold {
				t.Errorf("(%s%s is %d, not %d", text, with, v, want)
			}
		}
	})
}
