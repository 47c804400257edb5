package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// Registry is what a connection to a registry needs besides what the system trusts.
type Registry struct {
	CA        []string // files of certificates in PEM form, trusted for this registry only
	Cert, Key string   // files of the client certificate and its key, shown to this registry only
}

// CertDirs lists the directories in which podman and docker keep certificates of
// registries, from the user's own to the system's, taken from an environment of the
// form KEY=VALUE.
func CertDirs(env []string) []string {
	get := func(key string) (value string) {
		for _, kv := range env {
			if k, v, _ := strings.Cut(kv, "="); k == key || runtime.GOOS == "windows" && strings.EqualFold(k, key) {
				value = v // the last one counts, as for programs
			}
		}
		return value
	}
	home, config := get("HOME"), get("XDG_CONFIG_HOME")
	if runtime.GOOS == "windows" {
		home = get("USERPROFILE")
	}
	if config == "" && home != "" {
		config = filepath.Join(home, ".config")
	}
	var dirs []string
	for _, d := range []struct{ base, below string }{
		{config, "containers"},
		{config, "docker"}, // of dockerd without root
		{home, ".docker"},  // of Docker Desktop
	} {
		if filepath.IsAbs(d.base) {
			dirs = append(dirs, filepath.Join(d.base, d.below, "certs.d"))
		}
	}
	if runtime.GOOS != "windows" {
		return append(dirs, "/etc/containers/certs.d", "/etc/docker/certs.d")
	}
	if data := get("PROGRAMDATA"); filepath.IsAbs(data) {
		dirs = append(dirs, filepath.Join(data, "docker", "certs.d"))
	}
	return dirs
}

// CheckRegistries reads the files that are named for registries, so that a mistake is
// known before there is anything to send. The error is a [*SettingsError].
func CheckRegistries(registries map[string]Registry) error {
	for _, host := range sorted(registries) {
		if _, err := registries[host].load(host); err != nil {
			return err
		}
	}
	return nil
}

// perHost keeps a transport of its own for each host that has settings of its own, so
// that no CA is trusted and no client certificate shown beyond it, wherever redirects
// lead to. All others share one.
type perHost struct {
	opts   Options
	shared *http.Transport

	mu    sync.Mutex
	hosts map[string]*hostTransport // by host[:port] as in URLs, in lower case
}

// hostTransport is made at the first connection to its host.
type hostTransport struct {
	once  sync.Once
	value *http.Transport
	err   error
}

func (p *perHost) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "https" {
		return p.shared.RoundTrip(req)
	}
	t, err := p.transport(strings.ToLower(req.URL.Host))
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	return t.RoundTrip(req)
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (p *perHost) CloseIdleConnections() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shared.CloseIdleConnections()
	for _, h := range p.hosts {
		if h.once.Do(func() {}); h.value != nil {
			h.value.CloseIdleConnections()
		}
	}
}

func (p *perHost) transport(host string) (*http.Transport, error) {
	p.mu.Lock()
	h := p.hosts[host]
	if h == nil {
		h = &hostTransport{}
		p.hosts[host] = h
	}
	p.mu.Unlock()
	h.once.Do(func() { h.value, h.err = p.connect(host) })
	return h.value, h.err
}

func (p *perHost) connect(host string) (*http.Transport, error) {
	found, err := p.find(host)
	if err != nil {
		return nil, err
	}
	if found.empty() {
		return p.shared, nil
	}
	config := p.plainTLS()
	if len(found.ca) > 0 {
		if config.RootCAs, err = trusted(config.RootCAs); err != nil {
			return nil, &SettingsError{Registry: host, Err: fmt.Errorf("reading the system's certificates: %w", err)}
		}
		for _, cert := range found.ca {
			config.RootCAs.AddCert(cert)
		}
	}
	if len(found.client) > 0 {
		config.Certificates = found.client
	}
	t := newTransport(config)
	t.DialTLSContext = p.dialTLS(host, config.Clone())
	return t, nil
}

// plainTLS is the configuration for everybody.
func (p *perHost) plainTLS() *tls.Config {
	if p.opts.TLS == nil {
		return &tls.Config{}
	}
	return p.opts.TLS.Clone()
}

// dialTLS uses a host's configuration for the host. The other address that its
// transport may dial is that of a proxy with TLS, which is somebody else; the host's
// own TLS goes through such a connection later.
func (p *perHost) dialTLS(host string, config *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	config.NextProtos = []string{"h2", "http/1.1"}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		used := config
		if !strings.EqualFold(addr, withPort(host)) {
			used = p.plainTLS()
		}
		limited, cancel := context.WithTimeout(ctx, 2*handshake) // for the connection below it too
		defer cancel()
		conn, err := (&tls.Dialer{NetDialer: newDialer(), Config: used}).DialContext(limited, network, addr)
		if err != nil && limited.Err() != nil && ctx.Err() == nil {
			return nil, &net.OpError{Op: "read", Net: network, Err: os.ErrDeadlineExceeded} // worth another attempt
		}
		return conn, err
	}
}

// withPort adds the port that URLs leave out.
func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), "443")
}

// trusted returns a copy of the certificates that are trusted anyway.
func trusted(pool *x509.CertPool) (*x509.CertPool, error) {
	if pool != nil {
		return pool.Clone(), nil
	}
	return x509.SystemCertPool()
}

// find collects what is set for a host: of the directories the first that has a folder
// for it, and the files that are named. A client certificate that is named replaces
// those of the folder.
func (p *perHost) find(host string) (certificates, error) {
	var found certificates
	for _, dir := range p.opts.CertDirs {
		folder, ok := folderOf(dir, host)
		if !ok {
			continue
		}
		files, err := os.ReadDir(folder)
		if err != nil { // it isn't there, or nobody but root may know
			continue
		}
		if found, err = readFolder(folder, host, files); err != nil {
			return found, err
		}
		break
	}
	named, err := registryOf(p.opts.Registries, host).load(host)
	if err != nil {
		return found, err
	}
	found.ca = append(found.ca, named.ca...)
	if len(named.client) > 0 {
		found.client = named.client
	}
	return found, nil
}

// folderOf is where a directory has the certificates of a host, if its name can be
// that of a folder.
func folderOf(dir, host string) (folder string, ok bool) {
	if strings.HasPrefix(host, ".") || strings.ContainsAny(host, `/\`) || !filepath.IsAbs(dir) {
		return "", false
	}
	if runtime.GOOS == "windows" { // no file has a colon there; docker leaves it out
		host = strings.ReplaceAll(host, ":", "")
	}
	return filepath.Join(dir, host), true
}

// registryOf returns the settings of "host:port", else those of "host", which stand for
// all of its ports.
func registryOf(registries map[string]Registry, hostport string) Registry {
	byName := Registry{}
	hostport = withPort(hostport)
	host, _, _ := net.SplitHostPort(hostport)
	for key, r := range registries {
		if strings.EqualFold(key, hostport) {
			return r
		}
		if strings.EqualFold(strings.Trim(key, "[]"), host) {
			byName = r
		}
	}
	return byName
}
