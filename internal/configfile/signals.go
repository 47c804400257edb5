package configfile

import (
	"slices"
	"strconv"
	"strings"
)

// signals are those of Linux by number, less the ones without a name. Numbers are those
// of all architectures but MIPS, as in Docker.
var signals = []string{
	1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 10: "USR1",
	11: "SEGV", 12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 16: "STKFLT", 17: "CHLD", 18: "CONT", 19: "STOP",
	20: "TSTP", 21: "TTIN", 22: "TTOU", 23: "URG", 24: "XCPU", 25: "XFSZ", 26: "VTALRM", 27: "PROF", 28: "WINCH",
	29: "IO", 30: "PWR", 31: "SYS",
}

// The real-time signals that programs can use. The C library keeps 32 and 33.
const (
	firstRealTime = 34
	lastRealTime  = 64
)

// stopSignal takes names with and without SIG, and numbers.
var stopSignal = scalar{
	want: "a signal", example: "SIGTERM", accept: integer,
	bounds: schema{"minimum": 1, "maximum": lastRealTime, "not": schema{"enum": []int{32, 33}}},
	pattern: `^((SIG)?(` + strings.Join(signals[1:], "|") + `|IOT|CLD|POLL|RTMIN(\+([1-9]|1[0-5]))?|RTMAX(-([1-9]|1[0-4]))?)` +
		`|[1-9]|[12][0-9]|3[014-9]|[45][0-9]|6[0-4])$`,
	suggest: meantSignal,
	canon:   canonicalSignal,
}

func canonicalSignal(s string) string {
	switch n, err := strconv.Atoi(s); {
	case err != nil:
		return "SIG" + strings.TrimPrefix(s, "SIG")
	case n < len(signals):
		return "SIG" + signals[n]
	case n == firstRealTime:
		return "SIGRTMIN"
	case n == lastRealTime:
		return "SIGRTMAX"
	case n <= firstRealTime+15:
		return "SIGRTMIN+" + strconv.Itoa(n-firstRealTime)
	default:
		return "SIGRTMAX-" + strconv.Itoa(lastRealTime-n)
	}
}

func meantSignal(s string) string {
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	if strings.HasPrefix(name, "RT") || slices.Contains(signals[1:], name) {
		return "SIG" + name
	}
	if near := nearest(name, signals[1:]); near != "" {
		return "SIG" + near
	}
	return ""
}
