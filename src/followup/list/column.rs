//! The three lists (domain.md) and what their columns may be called, in Chinese and in English. Pure.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A list that a dealer hands over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum List {
    /// 展厅流量登记表: first-time showroom visitors.
    Showroom,
    /// 交车现场情况汇总: delivered cars.
    Delivery,
    /// Repairs and maintenance from the dealer-management system.
    Repair,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// 姓名
    Name,
    /// 车型
    Model,
    /// The day (and time) of what happened, called 到店日期, 交车日期 or 维修日期 by its list.
    Date(List),
    /// 手机号
    Phone,
    /// 车牌
    Plate,
    /// 销售顾问, 服务顾问
    Advisor(List),
    /// 工号
    StaffNumber,
    /// 语言
    Language,
    /// 时区
    TimeZone,
    /// 生日
    Birthday,
    /// 客户级别
    Segment,
    /// 客户来源
    Source,
    /// 区域
    Region,
    /// 客户归属
    Owner,
    /// 驾驶证到期
    LicenceEnd,
    /// 购车日期
    PurchaseDate,
    /// 保险到期
    InsuranceEnd,
    /// 年检到期
    InspectionDue,
}

impl List {
    /// The word for it on the command line, in the API and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            List::Showroom => "showroom",
            List::Delivery => "delivery",
            List::Repair => "repair",
        }
    }

    /// Every column that the list may have.
    pub fn columns(self) -> [Column; 18] {
        [
            Column::Name,
            Column::Phone,
            Column::Date(self),
            Column::Model,
            Column::Plate,
            Column::Advisor(self),
            Column::StaffNumber,
            Column::Language,
            Column::TimeZone,
            Column::Birthday,
            Column::Segment,
            Column::Source,
            Column::Region,
            Column::Owner,
            Column::LicenceEnd,
            Column::PurchaseDate,
            Column::InsuranceEnd,
            Column::InspectionDue,
        ]
    }

    /// The column that a header cell names, whatever its case and separators.
    pub fn column(self, header: &str) -> Option<Column> {
        let name = header.trim().trim_start_matches('\u{feff}').to_lowercase().replace(['_', '-'], " ");
        self.columns().into_iter().find(|column| column.names().contains(&name.as_str()))
    }
}

impl Column {
    /// What the column may be called; the first two are the names that errors use.
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Column::Name => {
                &["姓名", "name", "客户姓名", "客户名称", "客户", "车主", "车主姓名", "customer", "customer name"]
            }
            Column::Model => &["车型", "model", "车型名称", "意向车型", "购买车型", "car model"],
            Column::Date(List::Showroom) => {
                &["到店日期", "visit date", "来店日期", "到店时间", "来店时间", "进店日期", "接待日期", "日期", "date"]
            }
            Column::Date(List::Delivery) => &["交车日期", "delivery date", "交车时间", "提车日期", "日期", "date"],
            Column::Date(List::Repair) => {
                &["维修日期", "repair date", "取车日期", "交付日期", "结算日期", "保养日期", "日期", "date"]
            }
            Column::Phone => &[
                "手机号",
                "phone",
                "手机",
                "电话",
                "联系电话",
                "手机号码",
                "电话号码",
                "联系方式",
                "phone number",
                "mobile",
                "telephone",
            ],
            Column::Plate => {
                &["车牌", "plate", "车牌号", "车牌号码", "牌照", "plate number", "licence plate", "license plate"]
            }
            Column::Advisor(List::Repair) => &["服务顾问", "service advisor", "顾问", "接车员", "advisor"],
            Column::Advisor(List::Showroom | List::Delivery) => {
                &["销售顾问", "sales advisor", "顾问", "接待顾问", "销售人员", "advisor"]
            }
            Column::StaffNumber => &["工号", "staff number", "顾问工号", "advisor number", "staff no"],
            Column::Language => &["语言", "language"],
            Column::TimeZone => &["时区", "time zone", "timezone"],
            Column::Birthday => &["生日", "birthday", "出生日期", "客户生日", "date of birth"],
            Column::Segment => &["客户级别", "segment", "客户类别", "客户分类", "customer segment"],
            Column::Source => &["客户来源", "source", "来源", "信息来源", "customer source"],
            Column::Region => &["区域", "region", "地区", "所在地区"],
            Column::Owner => &["客户归属", "owner", "归属顾问", "负责人"],
            Column::LicenceEnd => {
                &["驾驶证到期", "licence until", "驾照到期", "驾驶证到期日", "驾驶证到期日期", "license until"]
            }
            Column::PurchaseDate => &["购车日期", "purchase date", "购买日期", "date of purchase"],
            Column::InsuranceEnd => &["保险到期", "insurance until", "保险到期日", "保险到期日期"],
            Column::InspectionDue => &["年检到期", "inspection due", "年检日期", "年检到期日", "年检到期日期"],
        }
    }

    /// True where a list without the column is no such list.
    pub fn is_required(self) -> bool {
        match self {
            Column::Name | Column::Date(_) | Column::Phone => true,
            Column::Model
            | Column::Plate
            | Column::Advisor(_)
            | Column::StaffNumber
            | Column::Language
            | Column::TimeZone
            | Column::Birthday
            | Column::Segment
            | Column::Source
            | Column::Region
            | Column::Owner
            | Column::LicenceEnd
            | Column::PurchaseDate
            | Column::InsuranceEnd
            | Column::InspectionDue => false,
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.names();
        write!(f, "{} ({})", names[0], names[1])
    }
}
