package rebuild

import (
	"slices"
	"strings"

	"github.com/imgo-build/imgo/internal/environ"
)

// moduleVariables are settings of the go command that say where modules and what was
// compiled come from, and how they are checked, but not what is compiled. They are taken
// as "go env" tells them, which knows those of the user's GOENV file too.
var moduleVariables = []string{
	"GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB", "GOINSECURE", "GOAUTH", "GOVCS", "GOMODCACHE", "GOCACHE", "GOPATH",
}

// kept are the variables of the user's that a rebuild sees: where programs, files and the
// network are, and how to log in for modules. None of them changes what is compiled.
var kept = []string{
	"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TMP", "TEMP", "LANG", "GOMAXPROCS", "GOMEMLIMIT", "GONOSUMCHECK",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC",
	"SSH_AUTH_SOCK", "SSH_ASKPASS", "XDG_CONFIG_HOME", "XDG_CACHE_HOME",
	"SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA", "PROGRAMDATA",
	"PROGRAMFILES", "PROGRAMFILES(X86)",
}

// keptOfGit are the variables of git's that say how it connects and what the user
// configured, unlike GIT_DIR and many others, which say what repository it works on.
var keptOfGit = []string{
	"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS", "GIT_PROXY_COMMAND", "GIT_EXEC_PATH",
	"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT",
}

var keptPrefixesOfGit = []string{"GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_SSL_", "GIT_HTTP_"}

// credentials are the variables that registries' credentials are found by.
var credentials = []string{
	"DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "GNUPGHOME",
	"GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "GCE_METADATA_HOST", "GITHUB_TOKEN", "GITHUB_ACTOR", "GITHUB_SERVER_URL", "IMGO_CLOUD_LOGIN",
}

var credentialPrefixes = []string{"AWS_", "AZURE_"}

// Environment is what a rebuild sees: of the user's environment what does not change the
// outcome, the go command's settings about modules as modules tells them, and what keeps
// everything else out. Nothing of it says which toolchain is used.
func Environment(user []string, modules map[string]string) []string {
	out := pick(user, func(key string) bool { return slices.Contains(kept, key) || ofGit(key) })
	for _, key := range moduleVariables {
		if value, ok := modules[key]; ok {
			out = append(out, key+"="+value)
		}
	}
	return append(out, "GOENV=off")
}

// WithCredentials adds the variables that credentials of registries are found by, for a
// program that builds by itself.
func WithCredentials(env, user []string) []string {
	return append(slices.Clone(env), pick(user, func(key string) bool {
		return slices.Contains(credentials, key) || hasPrefix(key, credentialPrefixes)
	})...)
}

func ofGit(key string) bool {
	return slices.Contains(keptOfGit, key) || hasPrefix(key, keptPrefixesOfGit)
}

func hasPrefix(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}

// pick returns the variables whose names, in upper case, are wanted: those of proxies are
// in use in lower case too, and on Windows the case makes no difference.
func pick(env []string, wanted func(key string) bool) []string {
	var out []string
	for _, kv := range env {
		if key, _, _ := strings.Cut(kv, "="); wanted(strings.ToUpper(key)) {
			out = append(out, kv)
		}
	}
	return out
}

// gitEnvironment is what git sees that fetches: the user's environment without what says
// which repository to work on, and what keeps it from asking and from speaking other
// protocols than those of a list with colons.
func gitEnvironment(user []string, protocols string) []string {
	out := pick(user, func(key string) bool { return !strings.HasPrefix(key, "GIT_") || ofGit(key) })
	out = append(out,
		"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never", "GIT_LFS_SKIP_SMUDGE=1",
		"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL="+protocols)
	// ssh would wait for an answer on a terminal that it doesn't get; the go command keeps
	// it from asking in the same way.
	e := environ.Environ(user)
	if e.Get("GIT_SSH") == "" && e.Get("GIT_SSH_COMMAND") == "" {
		out = append(out, "GIT_SSH_COMMAND=ssh -o BatchMode=yes")
	}
	return out
}

// withoutConfiguration is an environment for a git that reads no configuration but the
// repository's.
func withoutConfiguration(env []string, null string) []string {
	out := pick(env, func(key string) bool { return !strings.HasPrefix(key, "GIT_CONFIG") })
	return append(out, "GIT_CONFIG_GLOBAL="+null, "GIT_CONFIG_NOSYSTEM=1")
}
