package secrets

import (
	"path"
	"strings"
)

// ofName is what a file is called by its name, in lower case, that holds secrets
// whatever is in it.
func ofName(name string) string {
	switch name {
	case ".netrc", "_netrc":
		return "netrc file"
	case ".git-credentials":
		return "git credentials"
	case ".pgpass":
		return "database password file"
	case ".dockercfg":
		return "registry credentials"
	case ".vault-token":
		return "Vault token"
	case "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "id_ecdsa_sk", "id_ed25519_sk":
		return "private key"
	case "kubeconfig":
		return "kubeconfig"
	case "terraform.tfstate", "terraform.tfstate.backup":
		return "Terraform state"
	case "application_default_credentials.json":
		return "Google credentials"
	}
	return ""
}

// endings are paths that only programs' own credentials have.
var endings = []struct{ path, kind string }{
	{".docker/config.json", "registry credentials"},
	{".aws/credentials", "AWS credentials"},
	{".kube/config", "kubeconfig"},
	{".config/gh/hosts.yml", "GitHub token"},
	{".azure/accesstokens.json", "Azure credentials"},
	{".cargo/credentials.toml", "registry credentials"},
	{".gem/credentials", "registry credentials"},
}

// ofExtension is what a store of keys is called by its extension.
func ofExtension(ext string) string {
	switch ext {
	case ".kdbx":
		return "password database"
	case ".p12", ".pfx", ".ppk":
		return "private key"
	case ".keytab":
		return "Kerberos keys"
	case ".tfstate":
		return "Terraform state"
	}
	return ""
}

// InFileName looks at the path of a file, with slashes. Which names are of files
// without secrets by intent (.env.example) is known.
func InFileName(p string) (Finding, bool) {
	folded := strings.ToLower(path.Clean(p))
	base := path.Base(folded)
	rule := ofName(base)
	if rule == "" {
		rule = ofExtension(path.Ext(base))
	}
	for _, e := range endings {
		if dir, ok := strings.CutSuffix(folded, e.path); ok && (dir == "" || strings.HasSuffix(dir, "/")) {
			rule = e.kind
		}
	}
	if base == ".env" || strings.HasPrefix(base, ".env.") && !isTemplate(base) {
		rule = "env file"
	}
	return Finding{Rule: rule, What: p}, rule != ""
}

func isTemplate(base string) bool {
	for _, word := range []string{"example", "sample", "template", "tmpl", "dist", "default", "defaults", "schema"} {
		if strings.HasSuffix(base, "."+word) || strings.Contains(base, "."+word+".") {
			return true
		}
	}
	return false
}
