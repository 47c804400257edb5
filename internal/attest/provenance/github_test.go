package provenance

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFromGitHub(t *testing.T) {
	full := map[string]string{
		"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/app", "GITHUB_SHA": commit,
		"GITHUB_REF": "refs/heads/main", "GITHUB_WORKFLOW_REF": "acme/app/.github/workflows/release.yml@refs/heads/main",
		"GITHUB_RUN_ID": "42", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_EVENT_NAME": "push", "GITHUB_REPOSITORY_ID": "1", "GITHUB_REPOSITORY_OWNER_ID": "2",
		"RUNNER_ENVIRONMENT": "github-hosted", "GITHUB_TOKEN": token, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token,
	}
	for name, c := range map[string]struct {
		env     map[string]string
		builder Builder
		source  *Source
		ok      bool
	}{
		"elsewhere":    {map[string]string{"GITHUB_SHA": commit}, Builder{ID: LocalBuilder}, nil, false},
		"switched off": {map[string]string{"GITHUB_ACTIONS": "false"}, Builder{ID: LocalBuilder}, nil, false},
		"a job of GitHub": {full, Builder{
			ID:         "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main",
			Invocation: "https://github.com/acme/app/actions/runs/42/attempts/2",
			GitHub:     map[string]string{"event_name": "push", "repository_id": "1", "repository_owner_id": "2", "runner_environment": "github-hosted"},
		}, &Source{Repository: "https://github.com/acme/app", Commit: commit, Ref: "refs/heads/main"}, true},
		"an older server": {map[string]string{
			"GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://git.acme.com/", "GITHUB_REPOSITORY": "acme/app", "GITHUB_SHA": commit,
			"GITHUB_RUN_ID": "42", "RUNNER_ENVIRONMENT": "self-hosted",
		}, Builder{
			ID: "https://github.com/actions/runner/self-hosted", Invocation: "https://git.acme.com/acme/app/actions/runs/42/attempts/1",
			GitHub: map[string]string{"runner_environment": "self-hosted"},
		}, &Source{Repository: "https://git.acme.com/acme/app", Commit: commit}, true},
		"nothing but the name": {map[string]string{"GITHUB_ACTIONS": "true"}, Builder{ID: "https://github.com/actions/runner/unknown"}, nil, true},
	} {
		builder, source, ok := FromGitHub(func(key string) string { return c.env[key] })
		if diff := cmp.Diff(c.builder, builder) + cmp.Diff(c.source, source); diff != "" || ok != c.ok {
			t.Errorf("%s: %t (-want +got):\n%s", name, ok, diff)
		}
		in := least()
		in.Builder, in.Source = builder, source
		statement(t, in)
	}
}
