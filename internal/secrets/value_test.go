package secrets

import (
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	tests := []struct{ key, value, want string }{
		{"DB_PASSWORD", "hunter2", "password"},
		{"db.password", "12345", "password"},
		{"DB_PASS", "hunter2", "password"},
		{"dbPassword", "correct-horse", "password"},
		{"STRIPE_API_KEY", "k3y-0123456789", "API key"},
		{"SESSION_SECRET", random(alphanum, 32), "secret"},
		{"com.acme.api-token", random(alphanum, 32), "token"},
		{"AWS_SECRET_ACCESS_KEY", random(base64s, 40), "secret key"},
		{"SIGNING_PRIVATE_KEY", "/" + random(base64s, 43) + "=", "private key"},
		{"ANY", "ghp_" + random(alphanum, 36), "GitHub token"},
		{"ANY", strings.ReplaceAll(pem("PRIVATE KEY"), "\n", `\n`), "private key"},
		{"DATABASE_URL", "postgres://app:hunter2@db:5432/app?sslmode=disable", "password in a URL"},
		{"REDIS_URL", "redis://:hunter2@cache", "password in a URL"},
		{"MONGO", "mongodb://a:hunter2@h1,h2/db", "password in a URL"},
		{"TWO", "http://a/ https://b:hunter2@c", "password in a URL"},
		{"DSN", "app:hunter2@tcp(db:3306)/app", "password in a URL"},
		{"DSN", "host=db user=app password=hunter2 dbname=app", "password in a URL"},
		{"CONNECTION", "Server=db;Database=app;User Id=app;Pwd=hunter2;", "password in a URL"},

		{"DB_PASSWORD", "", ""},
		{"DB_PASSWORD", "${DB_PASSWORD}", ""},
		{"DB_PASSWORD", "$DB_PASSWORD", ""},
		{"DB_PASSWORD", "{{.Env.X}}", ""},
		{"DB_PASSWORD", "<password>", ""},
		{"DB_PASSWORD", "changeme", ""},
		{"DB_PASSWORD", "xxxxxx", ""},
		{"DB_PASSWORD", "true", ""},
		{"DB_PASSWORD", "/run/secrets/db_password", ""},
		{"DB_PASSWORD_FILE", "/run/secrets/db_password", ""},
		{"DB_PASSWORD_FILE", "anything", ""},
		{"TLS_PRIVATE_KEY", `C:\keys\tls.key`, ""},
		{"TLS_PRIVATE_KEY", "./tls.key", ""},
		{"TLS_SECRET", "gateway-tls", ""},
		{"API_TOKEN", "vault:secret/data/app#token", ""},
		{"API_TOKEN", "op://vault/item/field", ""},
		{"API_TOKEN", "arn:aws:secretsmanager:eu-west-1:1:secret:x", ""},
		{"MAX_TOKEN", "4096", ""},
		{"NEXT_PUBLIC_MAPS_API_KEY", "k3y-0123456789", ""},
		{"TOKEN_URL", "https://login.example.com/oauth/token", ""},
		{"DATABASE_URL", "postgres://db:5432/app", ""},
		{"DATABASE_URL", "postgres://app@db/app", ""},
		{"DATABASE_URL", "postgres://app:${PASS}@db/app", ""},
		{"DATABASE_URL", "postgres://user:<password>@db/app", ""},
		{"DATABASE_URL", "postgres://postgres:postgres@localhost/app", ""},
		{"SENTRY_DSN", "https://0123456789abcdef@sentry.io/1", ""},
		{"CONNECTION", "host=db password=$PASSWORD", ""},
		{"LOG_LEVEL", "info", ""},
		{"GIT", "0123456789abcdef0123456789abcdef01234567", ""},
	}
	for _, test := range tests {
		got, ok := InValue(test.key, test.value)
		if got.Rule != test.want || ok != (test.want != "") || got.Line != 0 || got.What != test.key {
			t.Errorf("%s=%q: found %+v, want %q", test.key, test.value, got, test.want)
		}
	}
}

func TestFileNames(t *testing.T) {
	tests := map[string]string{
		".env": "env file", "web/.env.production": "env file", "web/.ENV.local": "env file",
		"home/.netrc": "netrc file", ".git-credentials": "git credentials",
		"keys/id_rsa": "private key", "id_ed25519": "private key", "certs/server.P12": "private key",
		"home/.docker/config.json": "registry credentials", ".aws/credentials": "AWS credentials",
		"a/.kube/config": "kubeconfig", "kubeconfig": "kubeconfig", "vault.kdbx": "password database",
		"infra/terraform.tfstate": "Terraform state", "infra/prod.tfstate": "Terraform state",

		".env.example": "", ".env.sample": "", ".env.template": "", "web/.env.production.example": "",
		".envrc": "", "env": "", "id_rsa.pub": "", "docker/config.json": "", "x.docker/config.json": "",
		"config.json": "", "credentials": "", "server.crt": "", "server.pem": "", ".npmrc": "", "": "",
	}
	for path, want := range tests {
		got, ok := InFileName(path)
		if got.Rule != want || ok != (want != "") {
			t.Errorf("%s: found %+v, want %q", path, got, want)
		}
	}
}
