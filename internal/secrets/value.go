package secrets

import (
	"strings"
)

// InValue looks at a value of a configuration: of the environment, a label, an
// annotation or a build argument. Beside the rules for content, a URL with a password
// is a secret, and whatever is given to a key that promises one (DB_PASSWORD), unless
// it is a reference to where the secret is kept.
func InValue(key, value string) (Finding, bool) {
	rule := ""
	if r, _, _ := rulesTable().find("", []byte(value), 0, len(value)); r != nil {
		rule = r.name
	} else if hasPassword(value) {
		rule = "password in a URL"
	} else if promise := promises(key); promise != "" && isLiteral(value, promise) {
		rule = promise
	}
	return Finding{Rule: rule, What: key}, rule != ""
}

// hasPassword says whether there is a URL with user and password in s, or another
// form in which database drivers take them.
func hasPassword(s string) bool {
	for rest := s; ; {
		_, after, ok := strings.Cut(rest, "://")
		if !ok {
			break
		}
		rest = after
		authority := rest
		if end := strings.IndexAny(rest, "/?# \t\r\n\"'`"); end >= 0 {
			authority = rest[:end]
		}
		if at := strings.LastIndexByte(authority, '@'); at >= 0 && isUserInfo(authority[:at]) {
			return true
		}
	}
	for _, network := range []string{"@tcp(", "@unix("} { // user:password@tcp(host)/database
		if info, _, ok := strings.Cut(s, network); ok && !strings.Contains(info, "/") && isUserInfo(info) {
			return true
		}
	}
	folded := strings.ToLower(s) // host=db password=x; Server=db;Pwd=x
	for _, name := range []string{"password=", "pwd="} {
		at := strings.Index(folded, name)
		if at < 0 || at > 0 && !strings.ContainsRune(" ;&?", rune(folded[at-1])) {
			continue
		}
		word := folded[at+len(name):]
		if end := strings.IndexAny(word, " ;&"); end >= 0 {
			word = word[:end]
		}
		if !isPlaceholder(strings.Trim(word, `"'`)) {
			return true
		}
	}
	return false
}

// isUserInfo says whether there is a password behind the user's name. The name again
// is what examples and test databases have.
func isUserInfo(info string) bool {
	user, password, ok := strings.Cut(info, ":")
	return ok && !isPlaceholder(password) && password != user
}

// promises tells the kind of secret that a value must be by the name of its key, or
// nothing.
func promises(key string) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune("-./ ", r) {
			return '_'
		}
		return r
	}, strings.ToUpper(key))
	if strings.Contains(name, "PUBLIC") { // as NEXT_PUBLIC_MAPS_API_KEY
		return ""
	}
	for _, s := range []struct{ suffix, kind string }{
		{"PASSWORD", "password"}, {"PASSWD", "password"}, {"PASSPHRASE", "password"}, {"_PASS", "password"}, {"_PWD", "password"},
		{"API_KEY", "API key"}, {"APIKEY", "API key"},
		{"PRIVATE_KEY", "private key"}, {"PRIVATEKEY", "private key"},
		{"SECRET_KEY", "secret key"}, {"SECRETKEY", "secret key"}, {"ACCESS_KEY", "secret key"},
		{"SIGNING_KEY", "secret key"}, {"ENCRYPTION_KEY", "secret key"},
		{"SECRET", "secret"}, {"TOKEN", "token"},
	} {
		if strings.HasSuffix(name, s.suffix) {
			return s.kind
		}
	}
	return ""
}

// isLiteral says whether a value is the secret of that kind itself, and not where it
// is kept, what it is called or what stands for it. Words are passwords at most.
func isLiteral(v, kind string) bool {
	v = strings.TrimSpace(v)
	if isPlaceholder(v) || isReference(v) {
		return false
	}
	if kind == "password" {
		return true
	}
	words := strings.Trim(v, lower+"-_.") == ""
	number := len(v) < 8 && strings.Trim(v, digits) == ""
	return !words && !number
}

// isReference says whether a value tells where a secret is: a path, a URL, or a name
// in a store.
func isReference(v string) bool {
	if strings.Contains(v, "://") {
		return true
	}
	for _, scheme := range []string{"arn:", "aws:", "env:", "file:", "kms:", "op:", "secret:", "sm:", "ssm:", "vault:", "projects/", "secret/", "secrets/"} {
		if strings.HasPrefix(v, scheme) {
			return true
		}
	}
	return isPath(v)
}

// isPath says whether v is a path and not base64 that begins with a slash.
func isPath(v string) bool {
	slashed := strings.ReplaceAll(v, `\`, "/")
	drive := len(slashed) > 2 && slashed[1:3] == ":/"
	if !drive && !strings.HasPrefix(slashed, "/") && !strings.HasPrefix(slashed, "./") &&
		!strings.HasPrefix(slashed, "../") && !strings.HasPrefix(slashed, "~/") {
		return false
	}
	for element := range strings.SplitSeq(slashed, "/") {
		if len(element) > 24 || strings.ContainsAny(element, "+=") {
			return false
		}
	}
	return true
}
