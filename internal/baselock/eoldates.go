package baselock

// ends says on which day the support of a distribution's release ends, security fixes
// included: by the distribution's ID of os-release(5) and the version.
//
// To keep it current, add the new releases twice a year, when Alpine has one (May and
// November), and check the dates of those that are not over; they are announced at
//
//   - https://alpinelinux.org/releases/
//   - https://wiki.debian.org/LTS for Debian, of which the end of the long-term support
//     counts, and https://ubuntu.com/about/release-cycle for Ubuntu, of which that of
//     the standard support does; both are in Debian's package distro-info-data
//     (/usr/share/distro-info), whose version 0.58+deb12u6 these are from
//   - https://github.com/GoogleContainerTools/distroless/blob/main/SUPPORT_POLICY.md
//
// What has no date yet is left out: nothing is better than a guess.
func ends() map[string]map[string]string {
	return map[string]map[string]string{
		"alpine": {
			"3.17": "2024-11-22",
			"3.18": "2025-05-09",
			"3.19": "2025-11-01",
			"3.20": "2026-04-01",
			"3.21": "2026-11-01",
			"3.22": "2027-05-01",
			"3.23": "2027-11-01",
			"3.24": "2028-05-01",
		},
		"debian": {
			"10": "2024-06-30",
			"11": "2026-08-31",
			"12": "2028-06-30",
			"13": "2030-06-30",
		},
		"ubuntu": {
			"16.04": "2021-04-30",
			"18.04": "2023-05-31",
			"20.04": "2025-05-29",
			"22.04": "2027-06-01",
			"24.04": "2029-05-31",
			"26.04": "2031-05-29",
		},
		// Images of distroless end a year after the next Debian is out, give or take some
		// weeks (those for Java, Node.js and Python after three months already). Debian
		// 13's will when Debian 14 is a year old.
		distroless: {
			"10": "2022-09-10",
			"11": "2024-06-01",
			"12": "2026-09-30",
		},
	}
}

// distroless is no distribution by its os-release, which is Debian's, but has dates of
// its own.
const distroless = "distroless"

// codenames are the names of releases in tags.
func codenames() map[string]release {
	return map[string]release{
		"buster":   {"debian", "10"},
		"bullseye": {"debian", "11"},
		"bookworm": {"debian", "12"},
		"trixie":   {"debian", "13"},
		"xenial":   {"ubuntu", "16.04"},
		"bionic":   {"ubuntu", "18.04"},
		"focal":    {"ubuntu", "20.04"},
		"jammy":    {"ubuntu", "22.04"},
		"noble":    {"ubuntu", "24.04"},
		"resolute": {"ubuntu", "26.04"},
	}
}
