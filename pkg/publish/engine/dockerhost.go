package engine

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/imgo-build/imgo/internal/environ"
)

// dockerHost is where a docker daemon listens.
type dockerHost struct {
	name    string // as the user knows it, for errors; without a password
	network string // unix or tcp; empty for what only docker's own program can reach
	address string
	tls     *tls.Config // nil without
}

// findDockerHost looks where docker's own program looks, in its order: DOCKER_HOST,
// the context that DOCKER_CONTEXT or config.json names, the usual places.
func findDockerHost(env environ.Environ) (dockerHost, error) {
	if host := env.Get("DOCKER_HOST"); host != "" {
		return parseDockerHost(host, "DOCKER_HOST", func() (*tls.Config, error) { return envTLS(env) })
	}
	config := dockerConfigDir(env)
	current := env.Get("DOCKER_CONTEXT")
	if current == "" {
		current = configuredContext(config)
	}
	if current != "" && current != "default" {
		return contextHost(config, current)
	}
	if runtime.GOOS == "windows" {
		return dockerHost{name: "npipe:////./pipe/docker_engine"}, nil
	}
	return usualSocket(env), nil
}

// systemSocket is where a docker that was installed for all users listens.
const systemSocket = "/var/run/docker.sock"

func usualSocket(env environ.Environ) dockerHost {
	path := systemSocket
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if dir := env.Get("XDG_RUNTIME_DIR"); dir != "" {
			if rootless := filepath.Join(dir, "docker.sock"); exists(rootless) {
				path = rootless
			}
		}
	}
	return dockerHost{name: "unix://" + path, network: "unix", address: path}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// parseDockerHost reads a value such as DOCKER_HOST's, which is called what in
// errors. With security TLS is spoken over TCP, where it returns a configuration.
func parseDockerHost(host, what string, security func() (*tls.Config, error)) (dockerHost, error) {
	wrong := func(reason string) (dockerHost, error) {
		return dockerHost{}, &EngineError{Engine: Docker, Kind: Misconfigured, Where: what, Reason: what + " " + reason}
	}
	scheme, rest, ok := strings.Cut(host, "://")
	if !ok {
		return wrong(fmt.Sprintf("is %q, which has no scheme: unix://, tcp:// or ssh://", host))
	}
	switch scheme {
	case "unix":
		if rest == "" {
			rest = systemSocket
		}
		return dockerHost{name: host, network: "unix", address: rest}, nil
	case "tcp":
		u, err := url.Parse(host)
		if err != nil || u.Hostname() == "" {
			return wrong("is not an address of the form tcp://HOST:PORT")
		}
		conf, err := security()
		if err != nil {
			return wrong("is to be reached by TLS: " + err.Error())
		}
		port := u.Port()
		if port == "" {
			port = map[bool]string{false: "2375", true: "2376"}[conf != nil]
		}
		address := net.JoinHostPort(u.Hostname(), port)
		return dockerHost{name: "tcp://" + address, network: "tcp", address: address, tls: conf}, nil
	case "ssh", "npipe":
		if u, err := url.Parse(host); err == nil {
			host = u.Redacted()
		}
		return dockerHost{name: host}, nil
	}
	return wrong(fmt.Sprintf("has the scheme %s://, which is none of unix://, tcp://, ssh:// and npipe://", scheme))
}

// envTLS is the TLS that DOCKER_TLS_VERIFY and DOCKER_CERT_PATH ask for, or nil.
func envTLS(env environ.Environ) (*tls.Config, error) {
	if env.Get("DOCKER_TLS_VERIFY") == "" {
		return nil, nil
	}
	dir := env.Get("DOCKER_CERT_PATH")
	if dir == "" {
		dir = dockerConfigDir(env)
	}
	return loadTLS(dir, false)
}

// loadTLS reads ca.pem, cert.pem and key.pem, each where it is there.
func loadTLS(dir string, insecure bool) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: insecure}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	switch {
	case err == nil:
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("%s has no certificate", filepath.Join(dir, "ca.pem"))
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if exists(cert) || exists(key) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// dockerConfigDir is the directory of config.json and the contexts.
func dockerConfigDir(env environ.Environ) string {
	if dir := env.Get("DOCKER_CONFIG"); dir != "" {
		return dir
	}
	return filepath.Join(env.Home(), ".docker")
}

// configuredContext is the context that docker context use chose, or empty.
func configuredContext(dir string) string {
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	if raw, err := os.ReadFile(filepath.Join(dir, "config.json")); err != nil || json.Unmarshal(raw, &config) != nil {
		return "" // a broken file is for those who need it for more
	}
	return config.CurrentContext
}

// contextHost reads a context as docker stores it, below a hash of its name.
func contextHost(config, current string) (dockerHost, error) {
	sum := sha256.Sum256([]byte(current))
	id := hex.EncodeToString(sum[:])
	what := fmt.Sprintf("docker context %q", current)
	wrong := func(reason string) (dockerHost, error) {
		return dockerHost{}, &EngineError{Engine: Docker, Kind: Misconfigured, Where: what, Reason: what + " " + reason}
	}
	raw, err := os.ReadFile(filepath.Join(config, "contexts", "meta", id, "meta.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return wrong("does not exist")
	} else if err != nil {
		return wrong("can't be read: " + err.Error())
	}
	var meta struct {
		Endpoints map[string]struct {
			Host          string
			SkipTLSVerify bool
		}
	}
	if err := json.Unmarshal(raw, &meta); err != nil {
		return wrong("can't be read: " + err.Error())
	}
	endpoint, ok := meta.Endpoints["docker"]
	if !ok || endpoint.Host == "" {
		return wrong("names no docker daemon")
	}
	return parseDockerHost(endpoint.Host, what, func() (*tls.Config, error) {
		dir := filepath.Join(config, "contexts", "tls", id, "docker")
		if !exists(dir) && !endpoint.SkipTLSVerify {
			return nil, nil
		}
		return loadTLS(dir, endpoint.SkipTLSVerify)
	})
}
