package goflag

import (
	"flag"
	"io"
	"slices"
	"strings"
	"testing"
)

// The flags that a file may set, written down a second time: the oracle must not
// share the table that it checks.
var (
	harmlessLink    = strings.Fields("s w X d bindnow checklinkname compressdwarf buildid B linkmode extldflags")
	harmlessCompile = strings.Fields("N l m e B d dwarf dwarflocationlists smallframes spectre")
	harmlessGo      = strings.Fields("trimpath race cover v covermode mod buildmode pgo buildvcs tags ldflags gcflags")
)

// Which flags of the tools stand alone; all others take a value.
var (
	switchesLink = strings.Fields("V a asan aslr bindnow c checklinkname compressdwarf d debugnosplit dumpdep e f g h linkshared msan n " +
		"pruneweakmap race s v w")
	switchesCompile = strings.Fields("% + B C E K L N S V W asan clobberdead clobberdeadreg complete dwarf dwarfbasentries dwarflocationlists " +
		"dynlink e errorurl h j l linkshared live m msan nolocalimports pack r race shared smallframes std t v w wb")
	valuesLink = strings.Fields("B D E H I L R T X benchmark benchmarkprofile buildid buildmode capturehostobjs cpuprofile debugtextsize " +
		"debugtramp extar extld extldflags fipso funcalign importcfg installsuffix k libgcc linkmode memprofile memprofilerate o pluginpath " +
		"r randlayout strictdups tmpdir")
	valuesCompile = strings.Fields("D I asmhdr bench blockprofile buildid c coveragecfg cpuprofile d embedcfg env gendwarfinl goversion " +
		"importcfg installsuffix json lang linkobj memprofile memprofilerate mutexprofile o p pgoprofile spectre symabis traceprofile trimpath")
)

// value takes what a flag is given, as a switch or not.
type value struct{ isSwitch bool }

func (value) String() string     { return "" }
func (value) Set(string) error   { return nil }
func (v value) IsBoolFlag() bool { return v.isSwitch }

// visible lists the flags that a tool would see in words, and false where it would
// see anything else.
func visible(words, switches, values []string) ([]string, bool) {
	fs := flag.NewFlagSet("tool", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	for _, name := range switches {
		fs.Var(value{true}, name, "")
	}
	for _, name := range values {
		fs.Var(value{}, name, "")
	}
	file := slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "@") })
	if err := fs.Parse(words); err != nil || fs.NArg() > 0 || file {
		return nil, false
	}
	var names []string
	fs.Visit(func(f *flag.Flag) { names = append(names, f.Name) })
	return names, true
}

// packageFlags are the flags in a value that may have a pattern, as the go command
// reads it.
func packageFlags(t *testing.T, v string) []string {
	v = strings.TrimSpace(v)
	if v != "" && v[0] != '-' && v[0] != '\'' && v[0] != '"' {
		_, v, _ = strings.Cut(v, "=")
	}
	words, err := Split(v)
	if err != nil {
		t.Fatalf("accepted %q: %v", v, err)
	}
	return words
}

func checkVisible(t *testing.T, v string, switches, values, harmless []string) {
	words := packageFlags(t, v)
	// Whatever follows is not swallowed by the last flag.
	names, ok := visible(append(words, "-V"), switches, values)
	if !ok || !slices.Contains(names, "V") {
		t.Fatalf("accepted %q, in which a tool doesn't see flags only", v)
	}
	for _, name := range names {
		if name != "V" && !slices.Contains(harmless, name) {
			t.Errorf("accepted %q, which sets -%s", v, name)
		}
	}
}

func FuzzCheckLdflags(f *testing.F) {
	for _, s := range []string{
		"-s -w", "-X main.v=1", `-X "main.v=a b" --extldflags=-static`, "all=-s", "-extld=x", "'-X=a.b=c'-s", "-s @x", "-B none -- x", "-X a.b=c\r\n-o x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if CheckLdflags(v) == nil {
			checkVisible(t, v, switchesLink, valuesLink, harmlessLink)
		}
	})
}

func FuzzCheckGcflags(f *testing.F) {
	for _, s := range []string{"-N -l", "all=-N -l=4", "-d=checkptr=2 -m", "-d checkptr", "x=-+", "-o=x", "-spectre=all -B"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if CheckGcflags(v) == nil {
			checkVisible(t, v, switchesCompile, valuesCompile, harmlessCompile)
		}
	})
}

func FuzzCheckGoflags(f *testing.F) {
	for _, s := range []string{
		"-trimpath -mod=mod", `'-ldflags=-X "a.b=c d"' --tags=x,y`, "-toolexec=x", "-ldflags=-extld=x", "--gcflags=all=-N", "-race=1 -v", "'-tags=a'-cover",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if CheckEnv("GOFLAGS", v) != nil {
			return
		}
		words, err := Split(v)
		if err != nil {
			t.Fatalf("accepted %q: %v", v, err)
		}
		for _, word := range words {
			name, value, _ := strings.Cut(word, "=")
			if strings.HasPrefix(name, "--") {
				name = name[1:]
			}
			if !strings.HasPrefix(name, "-") || !slices.Contains(harmlessGo, name[1:]) {
				t.Errorf("accepted %q, which has %q", v, word)
			}
			switch name {
			case "-ldflags":
				checkVisible(t, value, switchesLink, valuesLink, harmlessLink)
			case "-gcflags":
				checkVisible(t, value, switchesCompile, valuesCompile, harmlessCompile)
			}
		}
	})
}
