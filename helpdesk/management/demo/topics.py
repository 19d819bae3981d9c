"""What customers of a CRM write to premium support about. All of it invented."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """Why somebody writes. `process` is set where it can be claimed as business critical: what has stopped."""

    hub: str
    subject: str
    body: str
    process: str = ""
    language: str = "en"


TOPICS = [
    Topic(
        "marketing",
        "Workflow enrolled 12,300 contacts twice, mails going out now",
        "Our nurture workflow “Autumn renewals” enrolled its whole list a second time at 08:40. Mails are leaving "
        "while I write this, and customers are calling. Please help us stop it and tell us who received it twice.",
        "Campaign mails to customers",
    ),
    Topic(
        "marketing",
        "All forms on our site return an error since this morning",
        "Every form we embed answers “Something went wrong” after Send. Lead capture has stopped in all regions, and a "
        "paid campaign is running on it.",
        "Lead capture on every landing page",
    ),
    Topic(
        "marketing",
        "Domain authentication expired for news.example",
        "The sending domain shows as not authenticated although the DNS records have not changed. A newsletter is "
        "planned for tomorrow at 10:00.",
    ),
    Topic(
        "marketing",
        "Contacts imported twice after a CSV upload",
        "We uploaded 4,180 contacts and about half of them exist twice now, with the same e-mail address in different "
        "case. Can the second import be undone without losing the notes written since?",
    ),
    Topic(
        "marketing",
        "Ads audience no longer refreshes",
        "The audience “Open opportunities” has stood at 18,204 people since Friday. The list behind it has grown by "
        "about 900 in the meantime.",
    ),
    Topic(
        "marketing",
        "A/B test keeps sending the losing version",
        "The test ended with version B ahead, but the remaining recipients were sent version A. Which setting decides "
        "this, and can we see who received what?",
    ),
    Topic(
        "marketing",
        "Lead score does not drop after the unsubscribe rule",
        "Contacts that unsubscribe should lose 20 points. The rule shows as active, the score stays.",
    ),
    Topic(
        "marketing",
        "How do we archive campaigns without losing their reports?",
        "We have around 340 campaigns from the last four years and would like a tidy list. Do archived campaigns still "
        "count in the attribution report?",
    ),
    Topic(
        "marketing",
        "Unsubscribe page shows the wrong language",
        "Readers in the Netherlands get the unsubscribe page in German. The contact's language is set to Dutch.",
    ),
    Topic(
        "marketing",
        "Send-time optimisation ignores the contact's time zone",
        "Recipients in Sydney received the mail at 03:00 their time although the option is switched on.",
    ),
    Topic(
        "sales",
        "Pipeline rules reject every deal in stage 3",
        "Since yesterday's change of a required property no deal can be moved beyond “Proposal”. 42 sellers are "
        "waiting for it, and the quarter closes on Friday.",
        "Moving deals through the pipeline",
    ),
    Topic(
        "sales",
        "Quotes cannot be sent: signature step fails for everybody",
        "All quotes stop at “Preparing signature”. We have tried three people and two browsers. Contracts worth a fair "
        "amount are due today.",
        "Sending quotes for signature",
    ),
    Topic(
        "sales",
        "Deal permissions for outside contractors",
        "We would like six contractors to see their own deals and nothing else, the forecast least of all. Which "
        "permission set do you recommend?",
    ),
    Topic(
        "sales",
        "Forecast does not include deals in another currency",
        "Deals in Swiss francs show in the board, but add nothing to the forecast total.",
    ),
    Topic(
        "sales",
        "Meeting link shows the wrong office hours",
        "My booking page offers 06:00 to 14:00. My calendar and my profile both say 09:00 to 17:00 in Lisbon.",
    ),
    Topic(
        "sales",
        "Sequences stop after the first mail",
        "Contacts are enrolled, the first mail leaves, and then the sequence says “Paused: reply received”, although "
        "nobody has replied.",
    ),
    Topic(
        "sales",
        "How do we archive old playbooks?",
        "Sellers find last year's playbooks first. Is there a way to keep them for reference without offering them?",
    ),
    Topic(
        "sales",
        "Duplicate companies after the Salesforce sync",
        "Every account whose name ends in “GmbH” was created a second time by last night's sync.",
    ),
    Topic(
        "sales",
        "Call recordings are missing for the Dublin team",
        "Calls are logged with their length, but without a recording since Monday. Other teams are fine.",
    ),
    Topic(
        "sales",
        "Product prices differ between quote and line item",
        "The quote shows the list price of January, the line item the current one. Which is used in the total?",
    ),
    Topic(
        "service",
        "Nobody can open the help desk: blank page for all agents",
        "The help desk is blank for all of our 60 agents since about 09:10. We cannot see a single customer request.",
        "Customer service for all regions",
    ),
    Topic(
        "service",
        "Routing sends French chats to the night shift",
        "Chats from France should reach the Lyon team until 18:00. Since the change of time they go to the night "
        "shift from 17:00 on.",
    ),
    Topic(
        "service",
        "Export of the ticket archive stops at 10,000 rows",
        "We need all 31,442 tickets of last year for an audit. The export ends at exactly 10,000 without any message.",
    ),
    Topic(
        "service",
        "SLA property missing from the ticket board",
        "“Time to first response” used to be a column on the board. It can still be used in filters.",
    ),
    Topic(
        "service",
        "Survey mails are sent twice after a ticket is reopened",
        "A customer who reopens a ticket receives the satisfaction survey again when it closes. Can it be limited to "
        "one for each ticket?",
    ),
    Topic(
        "service",
        "Consent banner blocks the booking form",
        "Visitors who decline cookies see an empty box in place of the form on our service pages.",
    ),
    Topic(
        "service",
        "Knowledge base search finds no umlauts",
        "A search for “Rücksendung” finds nothing, “Rucksendung” finds three articles.",
    ),
    Topic(
        "service",
        "Canned replies lost their attachments",
        "Replies saved before October no longer carry their PDF. The files are still in the file manager.",
    ),
    Topic(
        "service",
        "Customer portal asks for the password on every page",
        "Some of our customers have to sign in again after each click. It seems to happen on iPads only.",
    ),
    Topic(
        "data",
        "Data sync overwrote phone numbers of 8,000 contacts",
        "The sync of 06:00 replaced the phone number by the one of the company for about 8,000 contacts. Our call "
        "centre is dialling wrong numbers. The sync is still switched on, as we don't dare to touch it.",
        "Outbound calls of the call centre",
    ),
    Topic(
        "data",
        "Webhook signature mismatch after the key rotation",
        "We rotated the signing key as described. Since then about one webhook in ten fails its check at our side.",
    ),
    Topic(
        "data",
        "Snowflake connector drops nullable columns",
        "Columns that are empty in the first 1,000 rows do not appear in the share at all.",
    ),
    Topic(
        "data",
        "Quota on custom objects reached, can it be raised?",
        "We are at 9,870 of 10,000 records for “Vessel visits” and expect 400 more this week.",
    ),
    Topic(
        "data",
        "Calculated property shows yesterday's value",
        "“Days since last order” is right in the list, and one day behind on the record.",
    ),
    Topic(
        "data",
        "Custom code action times out after 20 seconds",
        "The action used to take two seconds. Nothing in the code has changed. The log ends at the first request.",
    ),
    Topic(
        "data",
        "Data quality report counts archived records",
        "The share of records without an owner rose to 31 % overnight. All of them are archived.",
    ),
    Topic(
        "data",
        "Backfill of the order history: how many calls a minute?",
        "We are about to load 2.1 million orders and would like to stay within your limits.",
    ),
    Topic(
        "data",
        "Two-way sync with the ERP creates a loop",
        "A change of address goes back and forth between both systems every few seconds until one side is paused.",
    ),
    Topic(
        "content",
        "Checkout forms show a blank page to every visitor",
        "Since 13:40 every checkout form on our booking site loads as a blank page, for all visitors, in every "
        "browser. We have published nothing today. Bookings have stopped.",
        "Online bookings",
    ),
    Topic(
        "content",
        "Whole website answers 500 in all regions",
        "All of our 14 sites on the CMS answer with an error, the support pages included.",
        "Website and customer support pages",
    ),
    Topic(
        "content",
        "Landing pages return 404 on the second domain",
        "Pages published before Tuesday are reachable under both domains, those since then only under the first.",
    ),
    Topic(
        "content",
        "Blog template loses the author box on mobile",
        "The box is there in the preview and on the desktop. Under 600 pixels it is gone.",
    ),
    Topic(
        "content",
        "Sandbox refresh stuck at 82 %",
        "The refresh was started on Monday evening and has stood at 82 % since. A new one cannot be started.",
    ),
    Topic(
        "content",
        "Images are served in the wrong size after the redesign",
        "Hero images come at 320 pixels on large screens. The size is set to “automatic”.",
    ),
    Topic(
        "content",
        "Redirects with a query string are ignored",
        "/offer?ref=mail should lead to /autumn. Without the query string it does.",
    ),
    Topic(
        "content",
        "Multi-language menu mixes Spanish and Portuguese",
        "The Brazilian pages show three Spanish entries in the menu although each has its translation.",
    ),
    Topic(
        "content",
        "Scheduled pages go live an hour late",
        "Since the clocks changed, pages planned for 08:00 appear at 09:00 Berlin time.",
    ),
    Topic(
        "content",
        "Password-protected pages ask again on every visit",
        "Our partners have to enter the password each time. It used to be remembered for two weeks.",
    ),
    Topic(
        "smart-crm",
        "SSO login loop for all users since 08:55 UTC",
        "Nobody in our organisation can sign in. After our identity provider the browser returns to the login page, "
        "again and again. About 700 people are affected, in four countries.",
        "Work in the CRM, for everybody",
    ),
    Topic(
        "smart-crm",
        "Contacts sync wrote the wrong lifecycle stage to 40,000 records",
        "The nightly sync set “Customer” on roughly 40,000 leads. Workflows that depend on it are sending onboarding "
        "mails to people who never bought anything.",
        "Lifecycle of all contacts",
    ),
    Topic(
        "smart-crm",
        "Records open without any property",
        "Contact records load with an empty left column for the five people of our back office.",
    ),
    Topic(
        "smart-crm",
        "Request for the audit log of May",
        "Our auditors ask who exported contacts in May. The log in the settings goes back 90 days only.",
    ),
    Topic(
        "smart-crm",
        "Teams of the Madrid office cannot see shared views",
        "Views shared with “Iberia” are visible in Lisbon, not in Madrid. Both teams have the same parent.",
    ),
    Topic(
        "smart-crm",
        "Association labels vanish when two companies are merged",
        "After the merge “Invoice recipient” is gone on all 26 contacts. It is still in the history.",
    ),
    Topic(
        "smart-crm",
        "How do we bring 900 users into teams by SCIM?",
        "The groups arrive, but everybody ends up in the default team. Is there an attribute for the team?",
    ),
    Topic(
        "smart-crm",
        "Mobile numbers are formatted as landlines",
        "Numbers starting with +353 8 are shown and dialled with a leading zero.",
    ),
    Topic(
        "smart-crm",
        "Import stops at row 7,412 without a message",
        "The file is valid UTF-8, the row looks like all the others. The same file went in last month.",
    ),
    Topic(
        "service",
        "全ユーザーがログインできません（営業停止中）",
        "本日9時ごろより、全社員がサービスハブにログインできず、問い合わせ対応が停止しております。至急ご確認をお願いいたします。",
        "問い合わせ対応",
        "ja",
    ),
    Topic(
        "sales",
        "レポートの集計期間がずれる件について",
        "月次レポートの集計期間が、日本時間ではなく協定世界時で区切られているようです。設定方法をご教示ください。",
        "",
        "ja",
    ),
    Topic(
        "smart-crm",
        "取引先の一括更新で文字化けが発生します",
        "CSVで取引先を一括更新すると、会社名の一部が文字化けします。文字コードはUTF-8で保存しております。",
        "",
        "ja",
    ),
    Topic(
        "marketing",
        "メール配信の送信元名を部門ごとに変更したい",
        "部門ごとに送信元名を分けて配信したいのですが、推奨される設定方法を教えていただけますでしょうか。",
        "",
        "ja",
    ),
    Topic(
        "data",
        "データ同期の所要時間が通常の3倍になっています",
        "先週末より、基幹システムとの同期に通常の約3倍の時間がかかっております。原因の調査をお願いいたします。",
        "",
        "ja",
    ),
]
