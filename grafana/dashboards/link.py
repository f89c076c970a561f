"""Links between dashboards, which keep the time range and the variables."""

from __future__ import annotations

from grafana.dashboards.foundation import dashboard

TAG = "driftgate"

_KEPT = "${__url_time_range}&var-datasource=${datasource}&${job:queryparam}&${instance:queryparam}"


def all_dashboards() -> dashboard.DashboardLink:
    """A button for each dashboard of this folder, above all panels."""
    link = dashboard.DashboardLink(
        title=TAG,
        type_val=dashboard.DashboardLinkType.DASHBOARDS,
        icon="external link",
        tags=[TAG],
        include_vars=True,
        keep_time=True,
    )
    return _visible(link)


def to_dashboard(uid: str, title: str, **variables: str) -> dashboard.DashboardLink:
    """From a value: `to_dashboard("driftgate-model", "Model", model="${__data.fields.Model}")`."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    link = dashboard.DashboardLink(
        title=title, type_val=dashboard.DashboardLinkType.LINK, url=f"/d/{uid}?{_KEPT}{chosen}"
    )
    return _visible(link)


def _visible(link: dashboard.DashboardLink) -> dashboard.DashboardLink:
    """Beside the variables; the builder's default would put it into a menu."""
    link.placement = None  # type: ignore[assignment]
    return link
