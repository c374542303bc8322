"""Common corruptions of Hendrycks & Dietterich (ICLR 2019): fifteen, and four extra, at five severities."""
