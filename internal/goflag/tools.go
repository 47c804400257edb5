package goflag

import (
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/pattern"
)

// tool is a program that the go command passes flags to.
type tool struct {
	allowed map[string]rule
	why     map[string]string // of some refused flags
}

const (
	namesProgram = "it names a program to run"
	writesFile   = "it makes the tool write files"
	readsFile    = "it makes the tool read files"
)

// linker is go tool link. External linking runs the C compiler of the user's own
// environment, which is harmless as long as its flags are.
func linker() *tool {
	return &tool{
		allowed: map[string]rule{
			"s":             {true, true, isBool},
			"w":             {true, true, isBool},
			"X":             {false, true, isDefinition},
			"d":             {true, true, isBool},
			"bindnow":       {true, true, isBool},
			"checklinkname": {true, true, isBool},
			"compressdwarf": {true, true, isBool},
			"buildid":       {false, false, anything},
			"B":             {false, false, isNote},
			"linkmode":      {false, false, oneOf("internal", "external", "auto")},
			"extldflags":    {false, false, isStatic},
		},
		why: map[string]string{
			"extld":            namesProgram,
			"extar":            namesProgram,
			"buildmode":        "images take executables only",
			"cpuprofile":       writesFile,
			"memprofile":       writesFile,
			"benchmarkprofile": writesFile,
			"capturehostobjs":  writesFile,
			"tmpdir":           writesFile,
			"o":                writesFile,
			"fipso":            writesFile,
			"importcfg":        readsFile,
			"L":                readsFile,
			"libgcc":           readsFile,
		},
	}
}

// compiler is go tool compile.
func compiler() *tool {
	return &tool{
		allowed: map[string]rule{
			"N":                  {true, true, isCount},
			"l":                  {true, true, isCount},
			"m":                  {true, true, isCount},
			"e":                  {true, true, isCount},
			"B":                  {true, true, isCount},
			"d":                  {false, false, isDebug},
			"dwarf":              {true, true, isBool},
			"dwarflocationlists": {true, true, isBool},
			"smallframes":        {true, true, isBool},
			"spectre":            {false, false, listOf("all", "index", "ret")},
		},
		why: map[string]string{
			"toolexec":     namesProgram,
			"asmhdr":       writesFile,
			"o":            writesFile,
			"linkobj":      writesFile,
			"json":         writesFile,
			"bench":        writesFile,
			"cpuprofile":   writesFile,
			"memprofile":   writesFile,
			"blockprofile": writesFile,
			"mutexprofile": writesFile,
			"traceprofile": writesFile,
			"importcfg":    readsFile,
			"embedcfg":     readsFile,
			"coveragecfg":  readsFile,
			"symabis":      readsFile,
			"pgoprofile":   readsFile,
			"I":            readsFile,
			"D":            readsFile,
		},
	}
}

// CheckLdflags checks a value of -ldflags, quoted or not, with or without a pattern
// in front. Allowed are -s, -w, -X and what else changes nothing but the binary;
// -extldflags may say -static. The error is an [*Error].
func CheckLdflags(value string) error { return linker().check("ldflags", value) }

// CheckGcflags does the same for -gcflags: -N, -l, -m, -d=checkptr and a few more.
func CheckGcflags(value string) error { return compiler().check("gcflags", value) }

// check checks a value of the flags that go to a tool.
func (t *tool) check(setting, value string) error {
	pattern, flags, ok := SplitPattern(value)
	if !ok {
		return &Error{Setting: setting, Reason: `a value starts with "-" or has the form PATTERN=FLAGS`}
	}
	if bad := badWord(pattern); bad != "" {
		return &Error{Setting: setting, Reason: bad}
	}
	words, err := Split(flags)
	if err != nil {
		return &Error{Setting: setting, Reason: err.Error()}
	}
	for len(words) > 0 {
		used, err := t.next(setting, words)
		if err != nil {
			return err
		}
		words = words[used:]
	}
	return nil
}

// next checks the first flag of words and returns how many of them are its.
func (t *tool) next(setting string, words []string) (int, error) {
	if bad := badWord(words[0]); bad != "" {
		return 0, &Error{Setting: setting, Reason: bad}
	}
	name, value, hasValue, ok := cutFlag(words[0])
	if !ok {
		return 0, &Error{Setting: setting, Reason: "a word is no flag and no flag's value; values with blanks stand in quotes, with the flag before them"}
	}
	refuse := func(reason string) (int, error) {
		return 0, &Error{Setting: setting, Flag: "-" + show(name), Reason: reason}
	}
	rule, known := t.allowed[name]
	if !known {
		if why := t.why[name]; why != "" {
			return refuse(why)
		}
		return refuse(unknown)
	}
	used := 1
	switch {
	case hasValue:
	case rule.optional:
		return used, nil
	case len(words) == 1:
		return 0, &Error{Setting: setting, Reason: "-" + name + " needs a value"}
	default:
		value, used = words[1], 2
		if bad := badWord(value); bad != "" {
			return 0, &Error{Setting: setting, Reason: bad}
		}
	}
	if reason := rule.check(value); reason != "" {
		return 0, rule.refuse(setting, name, reason)
	}
	return used, nil
}

// isDefinition checks a value of the linker's -X.
func isDefinition(value string) string {
	name, _, ok := strings.Cut(value, "=")
	if dot := strings.LastIndexByte(name, '.'); !ok || dot <= 0 || dot == len(name)-1 {
		return "it takes IMPORTPATH.NAME=VALUE"
	}
	return ""
}

var note = pattern.New(`^(none|gobuildid|0x[0-9a-fA-F]{2,128})$`)

func isNote(value string) string {
	if !note.MatchString(value) {
		return "only none, gobuildid and 0xHEX may be its value"
	}
	return ""
}

// isStatic checks the flags that go on to the C compiler, most of which reach far.
func isStatic(value string) string {
	words, err := Split(value)
	if err != nil || slices.ContainsFunc(words, func(w string) bool { return w != "-static" }) {
		return "only -static may be its value, since flags of the C compiler can name programs and files"
	}
	return ""
}

// debugSettings are the settings of the compiler's -d that write no files.
var debugSettings = []string{"checkptr", "loopvar", "softfloat", "ssa/check_bce", "ssa/check_bce/debug"}

func isDebug(value string) string {
	for setting := range strings.SplitSeq(value, ",") {
		name, level, hasLevel := strings.Cut(setting, "=")
		if !slices.Contains(debugSettings, name) || hasLevel && (level == "" || strings.Trim(level, "0123456789") != "") {
			return "only " + strings.Join(debugSettings, ", ") + " may be its settings, each with a number or none"
		}
	}
	return ""
}

func listOf(values ...string) check {
	one := oneOf(values...)
	return func(value string) string {
		for v := range strings.SplitSeq(value, ",") {
			if reason := one(v); reason != "" {
				return reason
			}
		}
		return ""
	}
}
