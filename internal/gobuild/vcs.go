package gobuild

import (
	"os"
	"strconv"
)

// gitEnv is what keeps git, which the go command runs to stamp a binary and to fetch
// modules, from running programs that a repository's configuration names: the file
// system monitor, hooks and, as more says, filters. It goes over the configuration of every repository that
// git looks into, and leaves alone what env says of other settings in the same way.
func gitEnv(env environ, more [][2]string) environ {
	count := 0
	if v := env.get("GIT_CONFIG_COUNT"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return nil // git refuses to run
		}
		count = n
	}
	var added environ
	off := [][2]string{{"core.fsmonitor", "false"}, {"core.virtualFilesystem", ""}, {"core.hooksPath", os.DevNull}}
	for _, s := range append(off, more...) {
		i := strconv.Itoa(count)
		added = append(added, "GIT_CONFIG_KEY_"+i+"="+s[0], "GIT_CONFIG_VALUE_"+i+"="+s[1])
		count++
	}
	return append(added, "GIT_CONFIG_COUNT="+strconv.Itoa(count))
}
