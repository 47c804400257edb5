package keychain

import "strings"

// Docker Hub has many names. hubKey is the one under which docker stores its
// credentials, hub the one that this package uses.
const (
	hub    = "docker.io"
	hubKey = "https://index.docker.io/v1/"
)

// normalize brings the key of an entry, or the name of a registry or repository,
// into the form in which they are compared: HOST or HOST/PATH without scheme and
// without the API's version.
func normalize(key string) string {
	for _, scheme := range []string{"https://", "http://"} {
		key = strings.TrimPrefix(key, scheme)
	}
	key = strings.TrimSuffix(key, "/")
	for _, version := range []string{"/v1", "/v2", "/v0"} {
		if host, ok := strings.CutSuffix(key, version); ok && !strings.Contains(host, "/") {
			key = host
		}
	}
	host, path, hasPath := strings.Cut(key, "/")
	switch host {
	case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		host = hub
	}
	if hasPath {
		return host + "/" + path
	}
	return host
}

// candidates lists the keys that a repository may be found under, the longest first.
// The last is the registry's.
func candidates(repository string) []string {
	key := normalize(repository)
	out := []string{key}
	for {
		i := strings.LastIndex(key, "/")
		if i < 0 {
			return out
		}
		key = key[:i]
		out = append(out, key)
	}
}

// serverURL is what a registry is called towards helpers and in docker's config.
func serverURL(registry string) string {
	if registry == hub {
		return hubKey
	}
	return registry
}
