//! The page at `/`: what there is, for whoever opens the address in a browser.

use axum::response::Html;

/// Plain enough to be read as source, too.
const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Hayrake</title></head>
<body>
<h1>Hayrake</h1>
<p>IoT classes per subscriber line, from sampled router exports.</p>
<ul>
<li><a href="/api/v1/classes">/api/v1/classes</a>: every class, and whether it can be detected now</li>
<li><a href="/api/v1/counts">/api/v1/counts</a>: lines per class, window and region
 (<code>?class=</code>, <code>?level=</code>, <code>?window=1h|24h</code>, <code>?region=</code>)</li>
<li><code>/api/v1/lines/LINE</code>: what was claimed on one line (needs the bearer token or a client certificate)</li>
<li><a href="/api/v1/history">/api/v1/history</a>: the same over time
 (<code>?class=</code>, <code>?window=1h|24h</code>, <code>?region=</code> or <code>?by=region</code>, <code>?from=</code>, <code>?to=</code>)</li>
<li><code>/api/v1/history/lines/LINE</code>: on which days a line showed which classes (needs the same)</li>
<li><a href="/api/v1/exporters">/api/v1/exporters</a>: who sends, with templates, sampling, gaps and what to mend</li>
<li><a href="/api/v1/signatures">/api/v1/signatures</a>: the signatures in force</li>
<li><a href="/api/v1/hitlist">/api/v1/hitlist</a>: the hitlist in force</li>
<li><a href="/openapi.json">/openapi.json</a>: the OpenAPI document</li>
<li><a href="/metrics">/metrics</a>, <a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a></li>
</ul>
</body>
</html>
"#;

/// Lists what there is.
pub(super) async fn index() -> Html<&'static str> {
    Html(PAGE)
}
