package secrets

import (
	"path"
	"strings"
)

// names are files that hold secrets whatever is in them, in lower case.
var names = map[string]string{
	".netrc": "netrc file", "_netrc": "netrc file",
	".git-credentials": "git credentials",
	".pgpass":          "database password file",
	".dockercfg":       "registry credentials",
	".vault-token":     "Vault token",
	"id_rsa":           "private key", "id_dsa": "private key", "id_ecdsa": "private key", "id_ed25519": "private key",
	"id_ecdsa_sk": "private key", "id_ed25519_sk": "private key",
	"kubeconfig":        "kubeconfig",
	"terraform.tfstate": "Terraform state", "terraform.tfstate.backup": "Terraform state",
	"application_default_credentials.json": "Google credentials",
}

// endings are paths that only programs' own credentials have.
var endings = map[string]string{
	".docker/config.json":      "registry credentials",
	".aws/credentials":         "AWS credentials",
	".kube/config":             "kubeconfig",
	".config/gh/hosts.yml":     "GitHub token",
	".azure/accesstokens.json": "Azure credentials",
	".cargo/credentials.toml":  "registry credentials",
	".gem/credentials":         "registry credentials",
}

// extensions are of stores of keys.
var extensions = map[string]string{
	".kdbx": "password database",
	".p12":  "private key", ".pfx": "private key", ".ppk": "private key",
	".keytab":  "Kerberos keys",
	".tfstate": "Terraform state",
}

// InFileName looks at the path of a file, with slashes. Which names are of files
// without secrets by intent (.env.example) is known.
func InFileName(p string) (Finding, bool) {
	folded := strings.ToLower(path.Clean(p))
	base := path.Base(folded)
	rule := names[base]
	if rule == "" {
		rule = extensions[path.Ext(base)]
	}
	for ending, kind := range endings {
		if folded == ending || strings.HasSuffix(folded, "/"+ending) {
			rule = kind
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
