package git

import (
	"net/url"
	"strings"
)

// webURL turns the URL of a remote into one for a browser, or an empty string where
// there is none: a path, or a form of git's that is known to the user's configuration
// only. Credentials, and all that they may hide in, stay out.
func webURL(remote string) string {
	if !strings.Contains(remote, "://") {
		// user@host:path, where the host is no drive letter and no path.
		host, path, ok := strings.Cut(remote, ":")
		if i := strings.LastIndexByte(host, '@'); i >= 0 {
			host = host[i+1:]
		}
		if !ok || len(host) < 2 || strings.ContainsAny(host, `/\`) || !strings.Contains(host, ".") {
			return ""
		}
		remote = "ssh://" + host + "/" + strings.TrimPrefix(path, "/")
	}
	u, err := url.Parse(remote)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	host := u.Host
	switch u.Scheme {
	case "https":
	case "http", "ssh", "git", "git+ssh", "ssh+git":
		host = u.Hostname() // the port is not that of https
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
	default:
		return ""
	}
	path := strings.TrimSuffix(strings.Trim(u.Path, "/"), ".git")
	if path == "" {
		return ""
	}
	return (&url.URL{Scheme: "https", Host: host, Path: "/" + path}).String()
}
